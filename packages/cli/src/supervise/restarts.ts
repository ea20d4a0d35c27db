const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
/** Who ran so long was well: what comes next is a new failure. */
const WELL_MS = 60_000;

/** How long to wait before a service that failed is started again: not at all the first time, then longer each time. */
export class Restarts {
  #failures = 0;

  /** @param ranMs how long it ran; 0 when it did not come up. */
  waitAfter(ranMs: number): number {
    if (ranMs >= WELL_MS) this.#failures = 0;
    this.#failures += 1;
    return this.#failures === 1 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (this.#failures - 2), MAX_WAIT_MS);
  }
}
