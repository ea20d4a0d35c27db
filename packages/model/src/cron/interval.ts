// Single moments, and intervals: `every`, and `@every` by our rule and by Go's.
import { parseDuration, SECOND_MS } from '../durations.ts';
import { parseGoDuration } from '../go-durations.ts';
import type { Cron, CronFault, Dialect, Times } from './reading.ts';

const fault = (got: string, expected: string): CronFault => ({ field: 'interval', got, expected });

/** Fires at `anchorMs` and at each interval after it, which has whole seconds. A part of a second of the anchor is dropped. */
export function intervalTimes(everyMs: number, anchorMs: number): Times {
  const firstMs = Math.floor(anchorMs / SECOND_MS) * SECOND_MS;
  /** How many fires there are up to and with a moment. */
  const countUpTo = (ms: number): number => Math.max(0, Math.floor((ms - firstMs) / everyMs) + 1);
  return {
    next: (afterMs) => firstMs + countUpTo(afterMs) * everyMs,
    previous(atMs, afterMs) {
      const fireMs = firstMs + (countUpTo(atMs) - 1) * everyMs;
      return fireMs >= firstMs && fireMs > afterMs ? fireMs : null;
    },
    count: (afterMs, toMs) => Math.max(0, countUpTo(toMs) - countUpTo(afterMs)),
    noteOf: () => null,
  };
}

/** Fires once. */
export function momentTimes(fireMs: number): Times {
  const isBetween = (afterMs: number, toMs: number): boolean => afterMs < fireMs && fireMs <= toMs;
  return {
    next: (afterMs) => (isBetween(afterMs, Infinity) ? fireMs : null),
    previous: (atMs, afterMs) => (isBetween(afterMs, atMs) ? fireMs : null),
    count: (afterMs, toMs) => (isBetween(afterMs, toMs) ? 1 : 0),
    noteOf: () => null,
  };
}

/** Why an interval cannot be kept; null = it can. */
export const intervalFault = (ms: number, got: string): CronFault | null =>
  ms >= SECOND_MS && ms % SECOND_MS === 0 ? null : fault(got, 'whole seconds, at least one');

/** Ours, in ms: the text of a duration, in the dialect `asynq` one of Go. */
export function readInterval(text: string, dialect: Dialect): number | CronFault {
  const ms = dialect === 'asynq' ? parseGoDuration(text) : parseDuration(text);
  if (ms === null) return fault(text, 'a duration such as "90s" or "1h30m"');
  return intervalFault(ms, text) ?? ms;
}

/**
 * That of robfig/cron: the interval is counted from the start, or from the last time. It is at least 1 s, and fractions of a
 * second are dropped.
 */
export function readAsynqInterval(text: string): Cron | CronFault {
  const ms = parseGoDuration(text);
  if (ms === null) return fault(text, 'a duration such as "90s" or "1h30m"');
  const seconds = Math.max(1, Math.floor(ms / SECOND_MS));
  return {
    isRelative: true,
    next: (afterMs) => (Math.floor(afterMs / SECOND_MS) + seconds) * SECOND_MS,
  };
}
