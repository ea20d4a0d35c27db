/** Time, passed in as an argument: tests bring a fake one. Wall time is stored, monotonic time is measured. */
export interface Clock {
  /** Milliseconds since 1970 (UTC), an integer. */
  wallMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. Any delay is allowed. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `act` once, after `ms` (at most 24 days). */
  after(ms: number, act: () => void): Timer;
  /** Calls `act` again and again, every `ms` (at most 24 days). */
  every(ms: number, act: () => void): Timer;
}

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

// Each thread's monotonic clock has its own origin. Leases have times by the main thread's clock, which the renewer thread
// must compare with the present.

/** The origin of this thread's monotonic clock, in ms of the machine's clock (`process.hrtime`). */
export const clockOriginMs = (): number => Number(process.hrtime.bigint()) / 1e6 - systemClock.monotonicMs();

/** A clock for this thread whose monotonic time is that of the thread with the given origin. */
export function clockOf(originMs: number): Clock {
  const shiftMs = clockOriginMs() - originMs;
  return { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + shiftMs };
}

/**
 * Waits for `work`, but at most `ms`. Resolves to its value, or to `undefined` if the time is up first. In that case the
 * signal of `work` aborts, and a later rejection of `work` is ignored. Rejects if `work` rejects in time.
 */
export async function within<T>(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([work(over.signal), clock.sleep(ms, over.signal).then(() => undefined)]);
  } finally {
    over.abort();
  }
}
