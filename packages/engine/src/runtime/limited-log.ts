import type { Clock, Timer } from './clock.ts';
import { eachLevel, type Log } from './log.ts';

/** Lines of one second. */
const MAX_LINES = 100;
const WINDOW_MS = 1_000;

/** A log with a limit. */
export interface LimitedLog extends Log {
  /** Tells now what was left out, because nothing is logged after this. */
  flush(): void;
}

/**
 * The same log with at most 100 lines a second. One more line counts the rest: a handler that always fails must not cost more
 * than its tasks do.
 */
export function limitedLog(log: Log, clock: Pick<Clock, 'monotonicMs' | 'after'>): LimitedLog {
  let endMs = -Infinity;
  let lines = 0;
  let leftOut = 0;
  let timer: Timer | undefined;

  function flush(): void {
    timer?.cancel();
    timer = undefined;
    if (leftOut === 0) return;
    const count = leftOut;
    leftOut = 0;
    log.warn({ count }, `log lines were left out: there were more than ${MAX_LINES} in a second`);
  }

  function hasRoom(): boolean {
    const nowMs = clock.monotonicMs();
    if (nowMs >= endMs) {
      flush();
      endMs = nowMs + WINDOW_MS;
      lines = 0;
    }
    if (lines < MAX_LINES) {
      lines += 1;
      return true;
    }
    leftOut += 1;
    timer ??= clock.after(endMs - nowMs, flush).unref();
    return false;
  }

  return {
    ...eachLevel((level) => (fields, message) => {
      if (hasRoom()) log[level](fields, message);
    }),
    flush,
  };
}
