/** Whether the event loop of this process has stood still: while it does, nothing is answered, and callbacks are late. */
import type { Clock } from '@task-center/engine';

/** How often it is looked at, ms. */
const TICK_MS = 500;
/** A turn that takes longer hangs, as for the lease renewer, which watches it from another thread. */
const MAX_LAG_MS = 2_000;
/** How long it is told. Those who ask while it stands still get their answer afterwards. */
const TOLD_MS = 5_000;

/** Looks by a timer, which is late after each turn that took long. */
export class EventLoopWatch {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'every'>;
  #timer: ReturnType<Clock['every']> | undefined;
  #tickedMs = 0;
  /** The last time that it stood still: how long, and until when it is told. */
  #stall = { ms: 0, untilMs: -Infinity };

  constructor(clock: Pick<Clock, 'monotonicMs' | 'every'>) {
    this.#clock = clock;
  }

  /** Starting it twice is harmless. */
  start(): void {
    this.#tickedMs = this.#clock.monotonicMs();
    this.#timer ??= this.#clock.every(TICK_MS, () => this.#look()).unref();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** For how long it stood still within the last 5 s, ms; 0 = it did not for more than 2 s. */
  stalledMs(): number {
    if (this.#timer) this.#look();
    return this.#clock.monotonicMs() < this.#stall.untilMs ? this.#stall.ms : 0;
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    const ms = nowMs - this.#tickedMs - TICK_MS;
    this.#tickedMs = nowMs;
    if (ms > MAX_LAG_MS) this.#stall = { ms, untilMs: nowMs + TOLD_MS };
  }
}
