/** Pause after the first failure of a cause is told; it doubles each time. */
const FIRST_PAUSE_MS = 10_000;
const MAX_PAUSE_MS = 600_000;
/** Causes that are remembered. One that has gone is told again. */
const MAX_LISTED_CAUSES = 100;

interface Cause {
  /** Until then it is not told again, monotonic. */
  untilMs: number;
  pauseMs: number;
  /** Failures since it was told. */
  untold: number;
}

/** Decides which failures are told in the log. A thousand groups may fail for one cause, again and again. */
export class RepeatedFailures {
  readonly #causes = new Map<string, Cause>();

  /** The number of failures of this cause that were not told; null = nor is this one. */
  next(text: string, nowMs: number): number | null {
    const known = this.#causes.get(text);
    if (known && nowMs < known.untilMs) {
      known.untold += 1;
      return null;
    }
    // One that did not fail for as long as it was silent begins anew.
    const goesOn = known !== undefined && nowMs < known.untilMs + known.pauseMs;
    const pauseMs = goesOn ? Math.min(2 * known.pauseMs, MAX_PAUSE_MS) : FIRST_PAUSE_MS;
    this.#causes.delete(text);
    this.#causes.set(text, { untilMs: nowMs + pauseMs, pauseMs, untold: 0 });
    const [oldest = text] = this.#causes.keys();
    if (this.#causes.size > MAX_LISTED_CAUSES) this.#causes.delete(oldest);
    return known?.untold ?? 0;
  }
}
