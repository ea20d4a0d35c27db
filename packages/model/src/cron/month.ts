// Months, and sets of their days as bits: bit 1 is the first day, bit 31 the last one that there can be.
import { DAY_MS } from '../durations.ts';

export interface Month {
  readonly year: number;
  /** 1 to 12. */
  readonly number: number;
  /** The number since 1970 of its first day. */
  readonly firstDay: number;
  /** How many it has. */
  readonly days: number;
}

function monthAt(year: number, number: number): Month {
  const firstDay = Date.UTC(year, number - 1) / DAY_MS;
  return { year, number, firstDay, days: Date.UTC(year, number) / DAY_MS - firstDay };
}

/** The month of a day. */
export function monthOf(day: number): Month {
  const date = new Date(day * DAY_MS);
  return monthAt(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

export const monthAfter = ({ year, number }: Month): Month =>
  number === 12 ? monthAt(year + 1, 1) : monthAt(year, number + 1);

export const monthBefore = ({ year, number }: Month): Month =>
  number === 1 ? monthAt(year - 1, 12) : monthAt(year, number - 1);

/** 0 is Sunday. The day 0 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

export function bitsOf(days: Iterable<number>): number {
  let bits = 0;
  for (const day of days) bits |= 1 << day;
  return bits;
}

/** The 1st, 8th, 15th, 22nd and 29th, less one. */
const WEEKLY = bitsOf([0, 7, 14, 21, 28]);

/** The days of a month that are one of the weekdays. */
export function weekdayBits(weekdays: Iterable<number>, { firstDay }: Month): number {
  const first = weekdayOf(firstDay);
  let bits = 0;
  for (const weekday of weekdays) bits |= WEEKLY << (1 + ((weekday - first + 7) % 7));
  return bits;
}

/** The days that a month has. */
export const allDays = ({ days }: Month): number => upTo(-2, days);

export const from = (bits: number, day: number): number => bits & (-1 << day);
export const upTo = (bits: number, day: number): number => bits & (-1 >>> (31 - day));

/** The first day of a set that is not empty. */
export const firstOf = (bits: number): number => 31 - Math.clz32(bits & -bits);
export const lastOf = (bits: number): number => 31 - Math.clz32(bits);

export function countOf(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}
