// A calendar as it is written and stored: the days on which schedules that name it do not fire, and the days at weekends on which
// people work.
import { didYouMean } from '../did-you-mean.ts';
import { DAY_MS } from '../durations.ts';

/**
 * Days off and worked weekends. Dates are `YYYY-MM-DD` in the time zone of each schedule that names the calendar, sorted,
 * each once. A calendar says nothing about other days, and nothing at all about years without a date.
 */
export interface Calendar {
  /** No schedule with this calendar fires on these days. */
  readonly off: readonly string[];
  /** On these days a weekday field passes that holds Monday to Friday. */
  readonly on: readonly string[];
}

/** Why a value was refused as a calendar. */
export interface CalendarFault {
  /** Where: names of fields and places in lists, such as `['off', 3]`; empty = the whole. */
  readonly path: readonly (string | number)[];
  /** What was found there, at most 64 characters; null = nothing that can be shown. */
  readonly got: string | null;
  /** What is allowed there, in words. */
  readonly expected: string;
}

/** Dates of a calendar, both lists together: ten years of single days, or a hundred of China's. */
export const MAX_CALENDAR_DATES = 4_000;

const FIELDS = ['off', 'on'] as const;
const MAX_SHOWN_LENGTH = 64;

export const isCalendarFault = (read: Calendar | CalendarFault): read is CalendarFault => 'expected' in read;

function wrong(path: CalendarFault['path'], got: unknown, expected: string): CalendarFault {
  const isShown = ['string', 'number', 'boolean'].includes(typeof got);
  return { path, got: isShown ? String(got).slice(0, MAX_SHOWN_LENGTH) : null, expected };
}

/** The date of a day, by its number since 1970: `YYYY-MM-DD`. */
export const dateOf = (dayNumber: number): string => new Date(dayNumber * DAY_MS).toISOString().slice(0, 10);

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** The number since 1970 of a date `YYYY-MM-DD`; null if there is no such day, or if it lies before 1970. */
export function dayNumberOf(date: string): number | null {
  if (!DATE.test(date)) return null;
  const [year, month, day] = [Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8))];
  // `Date` makes other days of 31 June, of month 13 and of the year 26.
  const dayNumber = Date.UTC(year, month - 1, day) / DAY_MS;
  const made = new Date(dayNumber * DAY_MS);
  return year >= 1970 && made.getUTCMonth() === month - 1 && made.getUTCDate() === day ? dayNumber : null;
}

/** A field that no calendar has: misspelt, its days would be ignored without a word. */
function unknownField(value: object): CalendarFault | null {
  const name = Object.keys(value).find((key) => !(FIELDS as readonly string[]).includes(key));
  if (name === undefined) return null;
  const shown = name.slice(0, MAX_SHOWN_LENGTH);
  const near = didYouMean(shown, FIELDS);
  return wrong([shown], null, near === null ? 'no fields but `off` and `on`' : `the field \`${near}\``);
}

/** The dates of a list, sorted, each once; or its first fault. */
function datesOf(list: readonly unknown[], field: string): string[] | CalendarFault {
  const dates = new Set<string>();
  for (const [index, date] of list.entries()) {
    if (typeof date !== 'string' || dayNumberOf(date) === null)
      return wrong([field, index], date, 'a date from 1970 on, such as `2026-10-01`');
    dates.add(date);
  }
  return [...dates].sort();
}

/**
 * Reads a calendar: `{ off: ['2026-10-01'], on: ['2026-10-10'] }`. A list that is left out is empty. The lists may be in any order,
 * and name a date twice.
 *
 * @returns the first thing that is wrong if it is not valid
 */
export function readCalendar(value: unknown): Calendar | CalendarFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong([], value, 'an object with the lists `off` and `on`');
  const unknown = unknownField(value);
  if (unknown) return unknown;
  const { off: offList = [], on: onList = [] } = value as { off?: unknown; on?: unknown };
  if (!Array.isArray(offList)) return wrong(['off'], offList, 'a list of dates');
  if (!Array.isArray(onList)) return wrong(['on'], onList, 'a list of dates');
  const count = offList.length + onList.length;
  if (count > MAX_CALENDAR_DATES)
    return wrong([], `${count} dates`, `at most ${MAX_CALENDAR_DATES} dates in both lists together`);
  const off = datesOf(offList, 'off');
  if ('expected' in off) return off;
  const on = datesOf(onList, 'on');
  if ('expected' in on) return on;
  const offSet = new Set(off);
  const inBoth = onList.findIndex((date: string) => offSet.has(date));
  if (inBoth !== -1)
    return wrong(
      ['on', inBoth],
      onList[inBoth],
      'a date that is not in `off`, too: a day is either off or worked',
    );
  return { off, on };
}
