import { parseGoDuration } from '../go-durations.ts';
import { parseCronFields, type CronFields } from './cron-fields.ts';
import { zoneOf, type LocalTime, type Zone } from './zone.ts';

/** When a schedule fires. */
export interface Cron {
  /** Wall-clock ms of the first time after `afterMs`; null if there is none within about five years. */
  next(afterMs: number): number | null;
}

const MINUTE_MS = 60_000;
/** Longest jump of a zone's clock that skipping allows for, minutes. */
const MAX_CLOCK_JUMP = 120;
const SPEC_BY_NAME: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Cron's rule of the two day fields: with a star in one of them both must match, otherwise either one is enough. */
function dayMatches({ day, weekday }: CronFields, local: LocalTime): boolean {
  const byDay = day.values.has(local.day);
  const byWeekday = weekday.values.has(local.weekday);
  return day.star || weekday.star ? byDay && byWeekday : byDay || byWeekday;
}

/** 0 = fires now; otherwise how many minutes to skip. Never skips a match, also when the zone's clock changes on the way. */
function minutesToSkip(fields: CronFields, local: LocalTime): number {
  const toNextHour = 60 - local.minute;
  if (!fields.month.values.has(local.month) || !dayMatches(fields, local)) {
    const toMidnight = 1_440 - local.hour * 60 - local.minute;
    return toMidnight > MAX_CLOCK_JUMP + 60 ? toMidnight - MAX_CLOCK_JUMP : toNextHour;
  }
  if (!fields.hour.values.has(local.hour)) return toNextHour;
  return fields.minute.values.has(local.minute) ? 0 : 1;
}

/**
 * Walks absolute time and compares local times. A local time that does not exist, when clocks go forward, is skipped; one
 * that comes twice, when they go back, fires twice.
 */
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

/** Fires on whole seconds. As in robfig/cron the interval is at least 1 s, and fractions of a second are dropped. */
function parseEvery(text: string): Cron | null {
  const ms = parseGoDuration(text);
  if (ms === null) return null;
  const seconds = Math.max(1, Math.floor(ms / 1_000));
  return { next: (afterMs) => (Math.floor(afterMs / 1_000) + seconds) * 1_000 };
}

/**
 * Reads a schedule as Go's robfig/cron does with its "standard" options: five fields, a name such as `@daily`, or
 * `@every 90s`. A prefix such as `TZ=Europe/Berlin ` sets the zone. See docs/design/protocol.md#cron.
 *
 * @param timeZone IANA name of the zone for specs without a prefix
 * @returns null if the spec or its zone is not valid
 */
export function parseCron(spec: string, timeZone = 'UTC'): Cron | null {
  const [, zoneName = timeZone, unprefixed = spec] = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(spec) ?? [];
  const [zone, text] = [zoneOf(zoneName), unprefixed.trim()];
  if (!zone) return null;
  if (text.startsWith('@every ')) return parseEvery(text.slice('@every '.length));
  const fields = parseCronFields(Object.hasOwn(SPEC_BY_NAME, text) ? (SPEC_BY_NAME[text] ?? '') : text);
  return fields && { next: (afterMs) => nextMatch(fields, zone, afterMs) };
}
