import type { Clock } from '../../src/runtime/clock.ts';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** How many sleep now. */
  readonly sleeping: number;
  /** Resolves when at least `count` sleep. */
  waitForSleepers(count?: number): Promise<void>;
  /** Moves time, waking sleepers one by one in the order of their times; what they start then may sleep again. */
  advance(ms: number): Promise<void>;
  /** Moves time without waking anybody, as for a process that was stopped. */
  skip(ms: number): void;
}

interface Sleeper {
  readonly dueMs: number;
  wake(): void;
}

/** Lets everything run that is ready, without time passing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function createFakeClock(startMs = 1_767_225_600_000): FakeClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();

  const nextDue = (untilMs: number): Sleeper | undefined =>
    [...sleepers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];

  return {
    wallMs: () => nowMs,
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
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
        for (const watcher of watchers) watcher();
      });
    },
    waitForSleepers(count = 1) {
      return new Promise((resolve) => {
        const look = () => {
          if (sleepers.size < count) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      });
    },
    skip(ms) {
      nowMs += ms;
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (let one = nextDue(untilMs); one; one = nextDue(untilMs)) {
        nowMs = Math.max(nowMs, one.dueMs);
        one.wake();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}
