/** While there seems to be a backlog, others are told of it so often. */
const TELL_MS = 100;

/** Tells from a worker's own fetches when more may wait than it can take (ADR 11). */
export class BacklogDetector {
  /** Fetches in a row that brought as much as they might. */
  #full = 0;
  #toldAtMs = -Infinity;

  /** Of a fetch: whether others should be told now. `slots`: what is left for another one. */
  tells({ took, room, slots }: { took: number; room: number; slots: number }, nowMs: number): boolean {
    this.#full = took >= room ? this.#full + 1 : 0;
    const more = this.#full > 1 || (this.#full === 1 && slots <= 0);
    if (!more || nowMs - this.#toldAtMs < TELL_MS) return false;
    this.#toldAtMs = nowMs;
    return true;
  }
}
