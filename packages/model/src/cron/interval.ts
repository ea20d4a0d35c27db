// `@every`: an interval, by our rule and by Go's.
import { parseGoDuration } from '../go-durations.ts';
import type { Cron, CronFault } from './reading.ts';

const SECOND_MS = 1_000;

function fault(got: string, expected: string): CronFault {
  return { field: 'interval', got, expected };
}

/** Ours: fires at the multiples of the interval since 1970, UTC. So a process that starts again goes on where it was. */
export function readInterval(text: string): Cron | CronFault {
  const ms = parseGoDuration(text);
  if (ms === null) return fault(text, 'a duration such as "90s" or "1h30m"');
  if (ms < SECOND_MS || ms % SECOND_MS !== 0) return fault(text, 'whole seconds, at least one');
  return { next: (afterMs) => (Math.floor(afterMs / ms) + 1) * ms };
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
