import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { HeldTask } from '../held-task.ts';

/** Many deadlines on one timer. Most attempts end long before their deadline, and a timer for each would cost more. */
export interface Deadlines {
  /** An attempt is waited for that must end at `atMs` (monotonic). */
  watch(atMs: number): void;
  start(): void;
  stop(): Promise<void>;
}

const MAX_CHECK_INTERVAL_MS = 60_000;

/** Ends attempts at their `endsMs`. `held`: the tasks that are held now. */
export function createDeadlines(held: () => Iterable<HeldTask>, runtime: Runtime): Deadlines {
  let nextCheckMs = 0;

  const loop: Loop = createLoop({
    name: 'attempt-deadlines',
    runtime,
    step() {
      const nowMs = runtime.clock.monotonicMs();
      let earliestMs = Infinity;
      for (const task of held()) {
        if (task.endsMs > nowMs) {
          earliestMs = Math.min(earliestMs, task.endsMs);
          continue;
        }
        task.endsMs = Infinity;
        task.attempt?.expire();
      }
      const dueMs = Math.max(1, Math.ceil(earliestMs - nowMs));
      const ms = Math.min(dueMs, MAX_CHECK_INTERVAL_MS);
      nextCheckMs = Math.min(earliestMs, nowMs + MAX_CHECK_INTERVAL_MS);
      return Promise.resolve({ ms, dueMs });
    },
  });

  return {
    watch(atMs) {
      if (atMs < nextCheckMs) loop.wake();
    },
    start: () => loop.start(),
    stop: () => loop.stop(),
  };
}
