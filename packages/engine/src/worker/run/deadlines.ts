import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** Many deadlines on one timer. Most attempts end long before their deadline, and a timer for each would cost more. */
export interface Deadlines<Key> {
  /** Calls `onDue` at `atMs` (monotonic), unless `clear` is called before. */
  set(key: Key, atMs: number): void;
  clear(key: Key): void;
  start(): void;
  stop(): Promise<void>;
}

const IDLE_MS = 60_000;

/** @param onDue called once per deadline, with its key */
export function createDeadlines<Key>(
  name: string,
  runtime: Runtime,
  onDue: (key: Key) => void,
): Deadlines<Key> {
  const { clock } = runtime;
  const atByKey = new Map<Key, number>();
  let nextCheckMs = 0;

  const loop: Loop = createLoop({
    name,
    runtime,
    step() {
      const nowMs = clock.monotonicMs();
      let earliestMs = nowMs + IDLE_MS;
      for (const [key, atMs] of atByKey) {
        if (atMs > nowMs) {
          earliestMs = Math.min(earliestMs, atMs);
          continue;
        }
        atByKey.delete(key);
        onDue(key);
      }
      nextCheckMs = earliestMs;
      return Promise.resolve(Math.max(1, Math.ceil(earliestMs - nowMs)));
    },
  });

  return {
    set(key, atMs) {
      atByKey.set(key, atMs);
      if (atMs < nextCheckMs) loop.wake();
    },
    clear: (key) => void atByKey.delete(key),
    start: () => loop.start(),
    stop: () => loop.stop(),
  };
}
