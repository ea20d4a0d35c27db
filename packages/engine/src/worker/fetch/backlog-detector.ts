/** While there seems to be a backlog, it is announced once in this time. */
const MIN_ANNOUNCE_INTERVAL_MS = 100;

/** Detects from a worker's own fetches when more tasks may be pending than it can take (ADR 11). */
export class BacklogDetector {
  /** Fetches in a row that brought as many tasks as they could. */
  #fullFetches = 0;
  #announcedMs = -Infinity;

  /**
   * Records a fetch. Returns whether a backlog should be announced now.
   *
   * @param fetch.took number of tasks that it brought
   * @param fetch.room number of tasks that it asked for
   * @param fetch.slots slots that are left for another fetch
   */
  record({ took, room, slots }: { took: number; room: number; slots: number }, nowMs: number): boolean {
    this.#fullFetches = took >= room ? this.#fullFetches + 1 : 0;
    const hasBacklog = this.#fullFetches > 1 || (this.#fullFetches === 1 && slots <= 0);
    if (!hasBacklog || nowMs - this.#announcedMs < MIN_ANNOUNCE_INTERVAL_MS) return false;
    this.#announcedMs = nowMs;
    return true;
  }
}
