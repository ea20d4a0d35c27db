// Which times of the calendar the fields of a schedule match. No zone: a local time is the ms since 1970 that a clock shows.
import type { CronFields } from './cron-fields.ts';
import { DAY_MS } from '../durations.ts';

const MINUTE_MS = 60_000;

/** Cron's rule of the two day fields: with a star in one of them both must match, otherwise either one is enough. */
function dayMatches({ day, weekday }: CronFields, dayOfMonth: number, dayNumber: number): boolean {
  const byDay = day.values.has(dayOfMonth);
  // The day 0 was a Thursday.
  const byWeekday = weekday.values.has((((dayNumber + 4) % 7) + 7) % 7);
  return day.star || weekday.star ? byDay && byWeekday : byDay || byWeekday;
}

/** The number since 1970 of the first day that matches, from `dayNumber`; null if there is none up to the end of `lastYear`. */
function nextDay(fields: CronFields, dayNumber: number, lastYear: number): number | null {
  const date = new Date(dayNumber * DAY_MS);
  let [year, month, dayOfMonth] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  while (year <= lastYear) {
    const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    if (!fields.month.values.has(month + 1)) dayNumber += days - dayOfMonth + 1;
    else
      for (; dayOfMonth <= days; dayOfMonth += 1, dayNumber += 1)
        if (dayMatches(fields, dayOfMonth, dayNumber)) return dayNumber;
    dayOfMonth = 1;
    month = (month + 1) % 12;
    if (month === 0) year += 1;
  }
  return null;
}

/** The first minute of a day that matches, from `fromMinute`; null if there is none. */
function nextMinute({ hour, minute }: CronFields, fromMinute: number): number | null {
  for (let h = Math.floor(fromMinute / 60), m = fromMinute % 60; h < 24; h += 1, m = 0) {
    if (!hour.values.has(h)) continue;
    for (; m < 60; m += 1) if (minute.values.has(m)) return h * 60 + m;
  }
  return null;
}

/** The year of a local time. */
export const yearOf = (localMs: number): number => new Date(localMs).getUTCFullYear();

/** The first local time after `afterMs` that the fields match; null if there is none up to the end of `lastYear`. */
export function nextLocalTime(fields: CronFields, afterMs: number, lastYear: number): number | null {
  const fromMinutes = Math.floor(afterMs / MINUTE_MS) + 1;
  const today = Math.floor(fromMinutes / 1_440);
  let dayNumber = nextDay(fields, today, lastYear);
  let minute = dayNumber === today ? nextMinute(fields, fromMinutes - today * 1_440) : null;
  if (dayNumber === today && minute === null) dayNumber = nextDay(fields, today + 1, lastYear);
  minute ??= nextMinute(fields, 0);
  return dayNumber === null || minute === null ? null : dayNumber * DAY_MS + minute * MINUTE_MS;
}
