import type { Clock, Timer } from '../../src/runtime/clock.ts';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Number of sleepers now, timers included. */
  readonly sleeping: number;
  /** Resolves when there are at least `count` sleepers. */
  waitForSleepers(count?: number): Promise<void>;
  /** Moves time, and wakes sleepers one by one in the order of their due times. What they start may sleep again. */
  advance(ms: number): Promise<void>;
  /** Moves time without waking any sleeper, as for a process that was stopped. */
  skip(ms: number): void;
  /** Sets the wall clock forward, or back if `ms` is negative. No time passes: the monotonic clock and sleepers stay. */
  step(ms: number): void;
}

interface Sleeper {
  readonly dueMs: number;
  wake(): void;
}

/** Runs the event loop until everything that is ready has run. No fake time passes. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Starts by default at the beginning of 2026, UTC. */
export function createFakeClock(startMs = 1_767_225_600_000): FakeClock {
  let nowMs = startMs;
  let stepsMs = 0;
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();

  const nextDue = (untilMs: number): Sleeper | undefined =>
    [...sleepers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];

  function add(sleeper: Sleeper): void {
    sleepers.add(sleeper);
    for (const watcher of watchers) watcher();
  }

  function timer(ms: number, fire: (sleeper: { dueMs: number }) => void): Timer {
    const sleeper = { dueMs: nowMs + ms, wake: () => fire(sleeper) };
    add(sleeper);
    const handle = { cancel: () => void sleepers.delete(sleeper), unref: () => handle };
    return handle;
  }

  return {
    wallMs: () => nowMs + stepsMs,
    monotonicMs: () => nowMs - startMs,
    get sleeping() {
      return sleepers.size;
    },
    sleep(ms, signal) {
      if (ms <= 0 || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper: Sleeper = { dueMs: nowMs + ms, wake };
        signal?.addEventListener('abort', wake, { once: true });
        add(sleeper);
      });
    },
    after: (ms, act) => {
      const handle = timer(ms, () => {
        handle.cancel();
        act();
      });
      return handle;
    },
    every: (ms, act) =>
      timer(ms, (sleeper) => {
        sleeper.dueMs += ms;
        act();
      }),
    waitForSleepers(count = 1) {
      return new Promise((resolve) => {
        const check = () => {
          if (sleepers.size < count) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      });
    },
    skip(ms) {
      nowMs += ms;
    },
    step(ms) {
      stepsMs += ms;
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (let sleeper = nextDue(untilMs); sleeper; sleeper = nextDue(untilMs)) {
        nowMs = Math.max(nowMs, sleeper.dueMs);
        sleeper.wake();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}
