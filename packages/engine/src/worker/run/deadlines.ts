import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** Many deadlines on one timer: attempts are many and most end long before theirs. */
export interface Deadlines<Key> {
  /** Calls `onDue` once `atMs` (monotonic) has come, unless `clear` comes first. */
  set(key: Key, atMs: number): void;
  clear(key: Key): void;
  start(): void;
  stop(): Promise<void>;
}

const IDLE_MS = 60_000;

export function createDeadlines<Key>(
  name: string,
  runtime: Runtime,
  onDue: (key: Key) => void,
): Deadlines<Key> {
  const { clock } = runtime;
  const atByKey = new Map<Key, number>();
  let nextLookMs = 0;

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
      nextLookMs = earliestMs;
      return Promise.resolve(Math.max(1, Math.ceil(earliestMs - nowMs)));
    },
  });

  return {
    set(key, atMs) {
      atByKey.set(key, atMs);
      if (atMs < nextLookMs) loop.wake();
    },
    clear: (key) => void atByKey.delete(key),
    start: () => loop.start(),
    stop: () => loop.stop(),
  };
}
