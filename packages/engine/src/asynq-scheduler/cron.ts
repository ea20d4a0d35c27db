import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import { parseGoDuration } from '../task/go-duration.ts';
import { cronFields, type CronFields } from './cron-fields.ts';
import { zoneOf, type LocalTime, type Zone } from './zone.ts';

/** When a schedule fires. */
export interface Cron {
  /** Wall-clock ms of the first time after `afterMs`; null if there is none within about five years. */
  next(afterMs: number): number | null;
}

const MINUTE_MS = 60_000;
const NAMED: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const EXPECTED =
  'five fields such as `*/5 8-17 * * mon-fri`, a name such as `@daily`, or `@every 90s`, after `TZ=<zone> ` if not in UTC';

function dayMatches({ day, weekday }: CronFields, local: LocalTime): boolean {
  const byDay = day.values.has(local.day);
  const byWeekday = weekday.values.has(local.weekday);
  return day.star || weekday.star ? byDay && byWeekday : byDay || byWeekday;
}

/** 0 = fires now; else minutes to skip: never past a match, also where clocks change on the way. */
function minutesToSkip(fields: CronFields, local: LocalTime): number {
  const toNextHour = 60 - local.minute;
  if (!fields.month.values.has(local.month) || !dayMatches(fields, local)) {
    const toMidnight = 1_440 - local.hour * 60 - local.minute;
    // Two hours short of midnight: by so much, at most, a zone's clock jumps.
    return toMidnight > 180 ? toMidnight - 120 : toNextHour;
  }
  if (!fields.hour.values.has(local.hour)) return toNextHour;
  return fields.minute.values.has(local.minute) ? 0 : 1;
}

/** Walks the moments, not the local times: one that does not exist is passed over, one that comes twice fires twice. */
function nextMatch(fields: CronFields, zone: Zone, afterMs: number): number | null {
  let ms = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  const lastYear = zone(ms).year + 5;
  for (;;) {
    const local = zone(ms);
    if (local.year > lastYear) return null;
    const skip = minutesToSkip(fields, local);
    if (skip === 0) return ms;
    ms += skip * MINUTE_MS;
  }
}

/** On whole seconds; at least one, parts of a second are dropped (protocol 6.1). */
function every(text: string): Cron | null {
  const ms = parseGoDuration(text);
  if (ms === null) return null;
  const seconds = Math.max(1, Math.floor(ms / 1_000));
  return { next: (afterMs) => (Math.floor(afterMs / 1_000) + seconds) * 1_000 };
}

function read(spec: string, timeZone: string): Cron | null {
  const prefixed = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(spec);
  const [zone, rest] = [zoneOf(prefixed?.[1] ?? timeZone), (prefixed?.[2] ?? spec).trim()];
  if (!zone) return null;
  if (rest.startsWith('@every ')) return every(rest.slice('@every '.length));
  const fields = cronFields(Object.hasOwn(NAMED, rest) ? (NAMED[rest] ?? '') : rest);
  return fields && { next: (afterMs) => nextMatch(fields, zone, afterMs) };
}

/**
 * Reads a schedule as Go's robfig/cron does with its "standard" options (protocol 6.1): five fields, names such as
 * `@daily`, or `@every 90s`; `TZ=Europe/Berlin ` before it sets the zone.
 *
 * @param timeZone IANA name of the zone of texts that name none
 * @throws TaskCenterError `invalid-value` for a text or zone that is not valid
 */
export function parseCron(spec: string, timeZone = 'UTC'): Cron {
  const cron = read(spec, timeZone);
  if (cron) return cron;
  const got = zoneOf(timeZone) ? shown(spec) : `${shown(spec)} in the zone ${shown(timeZone)}`;
  throw new TaskCenterError('invalid-value', { name: 'The schedule', got, expected: EXPECTED });
}
