/** Time, passed in as an argument: tests bring a fake one. Wall time is stored, monotonic time is measured. */
export interface Clock {
  /** Milliseconds since 1970 (UTC), an integer. */
  wallMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /**
   * Resolves after `ms`, or at once when `signal` aborts. Never rejects. Any delay is allowed.
   *
   * @param dueMs time until there is something to do, as far as the caller knows. Where it is longer than `ms`, the caller polls, and
   *   will find nothing sooner: a clock that a test moves need not stop there. Default: `ms`.
   */
  sleep(ms: number, signal?: AbortSignal, dueMs?: number): Promise<void>;
  /** Calls `act` once, after `ms` (at most 24 days). */
  after(ms: number, act: () => void): Timer;
  /** Calls `act` again and again, every `ms` (at most 24 days). */
  every(ms: number, act: () => void): Timer;
}

/** The sleep of one who polls: there is nothing to do before `dueMs`, or at all, unless somebody else makes it known. */
export const polling = (clock: Pick<Clock, 'sleep'>, dueMs = Infinity): Pick<Clock, 'sleep'> => ({
  sleep: (ms, signal) => clock.sleep(ms, signal, Math.max(ms, dueMs)),
});

/** A call that a clock will make. */
export interface Timer {
  /** Ends the timer. It may have fired already, or have been cancelled before. */
  cancel(): void;
  /** Lets the process end although the timer runs. */
  unref(): this;
}

/** `setTimeout` fires at once beyond 2^31−1 ms (24.8 days), so longer sleeps are made of several. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function sleepOnce(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(timeout: NodeJS.Timeout) {
    this.#timeout = timeout;
  }

  cancel(): void {
    // Node's `clearTimeout` also ends intervals.
    clearTimeout(this.#timeout);
  }

  unref(): this {
    this.#timeout.unref();
    return this;
  }
}

/** The clock of this machine and thread. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    for (let left = ms; left > 0 && !signal?.aborted; left -= MAX_TIMER_MS) {
      await sleepOnce(Math.min(left, MAX_TIMER_MS), signal);
    }
  },
  after: (ms, act) => new SystemTimer(setTimeout(act, ms)),
  every: (ms, act) => new SystemTimer(setInterval(act, ms)),
};
