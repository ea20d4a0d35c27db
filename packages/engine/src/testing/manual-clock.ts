import type { Clock, Timer } from '../runtime/clock.ts';

/** A caller that sleeps, or a timer. Times are monotonic ms. */
interface Sleeper {
  /** When it wakes by itself: to look whether there is something to do, if that is before `dueMs`. */
  lookMs: number;
  /** When there is something to do. */
  dueMs: number;
  wake(): void;
}

/** Fractions of a ms are rounded up, as nothing is early. */
const after = (nowMs: number, ms: number): number => nowMs + Math.ceil(Math.max(0, ms));

const earliest = (sleepers: Iterable<Sleeper>, timeOf: (sleeper: Sleeper) => number): number => {
  let ms = Infinity;
  for (const sleeper of sleepers) ms = Math.min(ms, timeOf(sleeper));
  return ms;
};

/**
 * A clock that stands still until it is moved. It knows until when everybody sleeps. Sleepers of one time wake in the order in
 * which they fell asleep.
 */
export class ManualClock implements Clock {
  readonly #startMs: number;
  readonly #sleepers = new Set<Sleeper>();
  #nowMs = 0;
  #changes = 0;

  /** @param startMs wall-clock ms */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  wallMs(): number {
    return this.#startMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal, dueMs = ms): Promise<void> {
    if (!(ms > 0) || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#remove(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = this.#add({ lookMs: after(this.#nowMs, ms), dueMs: after(this.#nowMs, dueMs), wake });
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  after(ms: number, act: () => void): Timer {
    return this.#timer(ms, (sleeper) => {
      this.#remove(sleeper);
      act();
    });
  }

  every(ms: number, act: () => void): Timer {
    return this.#timer(ms, (sleeper) => {
      sleeper.lookMs = sleeper.dueMs = after(this.#nowMs, Math.max(1, ms));
      act();
    });
  }

  /** Grows with each sleep that begins or ends. */
  get changes(): number {
    return this.#changes;
  }

  /** When somebody has something to do next; Infinity = never. */
  get nextDueMs(): number {
    return earliest(this.#sleepers, ({ dueMs }) => dueMs);
  }

  /** When somebody wakes next, be it only to look whether there is something to do. */
  get nextLookMs(): number {
    return earliest(this.#sleepers, ({ lookMs }) => lookMs);
  }

  /** Moves time, and wakes nobody. It never goes back. */
  moveTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** Wakes those who have something to do by now, the earliest first. */
  wakeDue(): void {
    this.#wake(({ dueMs }) => dueMs);
  }

  /** Also wakes those who would have looked by now whether there is something to do. */
  wakeLooks(): void {
    this.#wake(({ lookMs }) => lookMs);
  }

  #wake(timeOf: (sleeper: Sleeper) => number): void {
    const woken = [...this.#sleepers].filter((sleeper) => timeOf(sleeper) <= this.#nowMs);
    for (const sleeper of woken.sort((a, b) => timeOf(a) - timeOf(b)))
      // One that wakes before may end the sleep of another.
      if (this.#sleepers.has(sleeper)) sleeper.wake();
  }

  #timer(ms: number, fire: (sleeper: Sleeper) => void): Timer {
    const dueMs = after(this.#nowMs, ms);
    const sleeper = this.#add({ lookMs: dueMs, dueMs, wake: () => fire(sleeper) });
    const timer = { cancel: () => this.#remove(sleeper), unref: () => timer };
    return timer;
  }

  #add(sleeper: Sleeper): Sleeper {
    this.#changes += 1;
    this.#sleepers.add(sleeper);
    return sleeper;
  }

  #remove(sleeper: Sleeper): void {
    this.#changes += 1;
    this.#sleepers.delete(sleeper);
  }
}
