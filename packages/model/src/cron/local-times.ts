// Which local times a schedule has. No zone: a local time is the ms since 1970 that a clock shows. Nothing here walks from time
// to time: days are searched and counted month by month, and the times of a day are numbered.
import { DAY_MS, SECOND_MS } from '../durations.ts';
import type { CronFields } from './dialects.ts';
import { daysOfMonth, hasDay, type DaysOfMonth } from './days-of-month.ts';
import { countOf, firstOf, from, lastOf, monthAfter, monthBefore, monthOf, upTo } from './month.ts';
import type { DayFilter } from './reading.ts';

const DAY_SECONDS = DAY_MS / SECOND_MS;

/** Days, and the times of each of them. */
export interface LocalTimes {
  readonly days: DaysOfMonth;
  /** In order. */
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
  readonly seconds: readonly number[];
}

const inOrder = (values: ReadonlySet<number>): number[] => [...values].sort((a, b) => a - b);

export function localTimes(fields: CronFields, filter?: DayFilter): LocalTimes {
  const hours = inOrder(fields.hour.values);
  const minutes = inOrder(fields.minute.values);
  const seconds = inOrder(fields.second.values);
  // Go reads the field `,`, which has no value: no day has a time then.
  const isEmpty = hours.length * minutes.length * seconds.length === 0;
  return { days: isEmpty ? () => 0 : daysOfMonth(fields, filter), hours, minutes, seconds };
}

/** How many of the values, which are in order, are below a value. */
function countBelow(values: readonly number[], value: number): number {
  let count = 0;
  while (count < values.length && (values[count] as number) < value) count += 1;
  return count;
}

/** How many times a day has. */
const timesPerDay = ({ hours, minutes, seconds }: LocalTimes): number =>
  hours.length * minutes.length * seconds.length;

/** How many times of a day come before a second of it. */
function timesBefore({ hours, minutes, seconds }: LocalTimes, second: number): number {
  const [hour, minute] = [Math.floor(second / 3_600), Math.floor(second / 60) % 60];
  const hoursBefore = countBelow(hours, hour);
  if (hours[hoursBefore] !== hour) return hoursBefore * minutes.length * seconds.length;
  const minutesBefore = hoursBefore * minutes.length + countBelow(minutes, minute);
  if (!minutes.includes(minute)) return minutesBefore * seconds.length;
  return minutesBefore * seconds.length + countBelow(seconds, second % 60);
}

/** The second of a day at which the time with a number lies; the first one has the number 0. */
function secondOf({ hours, minutes, seconds }: LocalTimes, number: number): number {
  const minuteNumber = Math.floor(number / seconds.length);
  const [second = 0, minute = 0] = [seconds[number % seconds.length], minutes[minuteNumber % minutes.length]];
  return (hours[Math.floor(minuteNumber / minutes.length)] ?? 0) * 3_600 + minute * 60 + second;
}

/** The number since 1970 of the first day that matches, from `day`; null if there is none up to the end of `lastYear`. */
export function nextDay(days: DaysOfMonth, day: number, lastYear: number): number | null {
  let month = monthOf(day);
  for (let first = day - month.firstDay + 1; month.year <= lastYear; month = monthAfter(month), first = 1) {
    const bits = from(days(month), first);
    if (bits !== 0) return month.firstDay + firstOf(bits) - 1;
  }
  return null;
}

/** The last day that matches, up to `day`; null if there is none down to `firstDay`. */
function previousDay({ days }: LocalTimes, day: number, firstDay: number): number | null {
  let month = monthOf(day);
  for (let last = day - month.firstDay + 1; last > 0 && month.firstDay + last > firstDay; last = month.days) {
    const bits = upTo(days(month), last);
    if (bits !== 0) {
      const found = month.firstDay + lastOf(bits) - 1;
      return found >= firstDay ? found : null;
    }
    month = monthBefore(month);
  }
  return null;
}

/** How many days match, from `fromDay`, before `toDay`. */
function countDays({ days }: LocalTimes, fromDay: number, toDay: number): number {
  let count = 0;
  for (let month = monthOf(fromDay); month.firstDay < toDay; month = monthAfter(month)) {
    const last = Math.min(toDay - month.firstDay, month.days);
    count += countOf(from(upTo(days(month), last), Math.max(1, fromDay - month.firstDay + 1)));
  }
  return count;
}

/** The year of a local time. */
export const yearOf = (localMs: number): number => new Date(localMs).getUTCFullYear();

const dayOf = (second: number): number => Math.floor(second / DAY_SECONDS);
const msOf = (times: LocalTimes, day: number, number: number): number =>
  (day * DAY_SECONDS + secondOf(times, number)) * SECOND_MS;

/** The first local time after `afterMs`; null if there is none up to the end of `lastYear`. */
export function nextLocalTime(times: LocalTimes, afterMs: number, lastYear: number): number | null {
  const second = Math.floor(afterMs / SECOND_MS) + 1;
  const today = dayOf(second);
  const day = nextDay(times.days, today, lastYear);
  if (day === null) return null;
  const number = day === today ? timesBefore(times, second - today * DAY_SECONDS) : 0;
  if (number < timesPerDay(times)) return msOf(times, day, number);
  const later = nextDay(times.days, today + 1, lastYear);
  return later === null ? null : msOf(times, later, 0);
}

/** The last local time up to and with `atMs`; null if there is none down to the day `firstDay`. */
export function previousLocalTime(times: LocalTimes, atMs: number, firstDay: number): number | null {
  const second = Math.floor(atMs / SECOND_MS);
  const today = dayOf(second);
  const last = timesPerDay(times) - 1;
  const day = previousDay(times, today, firstDay);
  if (day === null) return null;
  const number = day === today ? timesBefore(times, second - today * DAY_SECONDS + 1) - 1 : last;
  if (number >= 0) return msOf(times, day, number);
  const earlier = previousDay(times, today - 1, firstDay);
  return earlier === null ? null : msOf(times, earlier, last);
}

/** How many local times come before a second. Only the part of its own day counts. */
function countToday(times: LocalTimes, second: number): number {
  const day = dayOf(second);
  return hasDay(times.days, day) ? timesBefore(times, second - day * DAY_SECONDS) : 0;
}

/** How many local times there are after `afterMs`, up to and with `toMs`. */
export function countLocalTimes(times: LocalTimes, afterMs: number, toMs: number): number {
  if (toMs <= afterMs) return 0;
  const [first, end] = [Math.floor(afterMs / SECOND_MS) + 1, Math.floor(toMs / SECOND_MS) + 1];
  const days = countDays(times, dayOf(first), dayOf(end));
  return days * timesPerDay(times) + countToday(times, end) - countToday(times, first);
}
