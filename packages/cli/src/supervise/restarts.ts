const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
/** A service that ran this long was healthy: its end counts as a first failure. */
const HEALTHY_MS = 60_000;

/**
 * Decides how long to wait before a failed service is started again: not at all after the first failure, then 1 s,
 * doubled with each further failure, at most 30 s.
 */
export class RestartBackoff {
  #failures = 0;

  /** @param ranMs how long the service ran; 0 when it did not start */
  waitAfter(ranMs: number): number {
    if (ranMs >= HEALTHY_MS) this.#failures = 0;
    this.#failures += 1;
    return this.#failures === 1 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (this.#failures - 2), MAX_WAIT_MS);
  }
}
