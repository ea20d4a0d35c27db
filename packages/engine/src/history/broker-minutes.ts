import type { Clock } from '../runtime/clock.ts';

export const ONE_MINUTE_MS = 60_000;
/** The time of the broker is asked for again after this time: clocks drift. */
const TRUST_MS = 600_000;

/**
 * Tells the minute by the broker's clock, from its last answer and the time since then. It is never ahead by more than the two clocks drift
 * apart, and behind by the way of the answer at most.
 */
export class BrokerMinutes {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #offsetMs: number | null = null;
  #setMs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Whether the broker must be asked before anything else. */
  get isUnknown(): boolean {
    return this.#offsetMs === null || this.#clock.monotonicMs() - this.#setMs > TRUST_MS;
  }

  /** Takes the broker's time, as it has just answered. */
  set(nowMs: number): void {
    this.#setMs = this.#clock.monotonicMs();
    this.#offsetMs = nowMs - this.#setMs;
  }

  /** Wall-clock ms of the broker; null = it was never asked. */
  nowMs(): number | null {
    return this.#offsetMs === null ? null : this.#clock.monotonicMs() + this.#offsetMs;
  }
}

/** The minute of a time. */
export const minuteOf = (ms: number): number => Math.floor(ms / ONE_MINUTE_MS);
