// Which days of a month the fields of a cron text, and a calendar, allow.
import type { CronField, CronFields } from './dialects.ts';
import { allDays, bitsOf, monthOf, weekdayBits, type Month } from './month.ts';
import type { DayFilter } from './reading.ts';

/** The days of a month, as bits. */
export type DaysOfMonth = (month: Month) => number;

const MONDAY_TO_FRIDAY = [1, 2, 3, 4, 5];

function pickedBits({ picks }: CronField, month: Month): number {
  let bits = 0;
  for (const pick of picks) {
    const day = pick(month);
    if (day >= 1) bits |= 1 << day;
  }
  return bits;
}

/** The days of a month that a calendar has switched off and on. */
function switchedBits(month: Month, filter: DayFilter): { readonly off: number; readonly on: number } {
  let [off, on] = [0, 0];
  for (let day = 1; day <= month.days; day += 1) {
    const said = filter(month.firstDay + day - 1);
    if (said === 'off') off |= 1 << day;
    else if (said === 'on') on |= 1 << day;
  }
  return { off, on };
}

const NOTHING = { off: 0, on: 0 };

/** Cron's rule of the two day fields: with a star in one of them both must match, otherwise either one is enough. */
export function daysOfMonth({ day, weekday, month }: CronFields, filter?: DayFilter): DaysOfMonth {
  const dayBits = bitsOf(day.values);
  const isEither = !day.star && !weekday.star;
  const holdsWorkdays = MONDAY_TO_FRIDAY.every((value) => weekday.values.has(value));
  return (of) => {
    if (!month.values.has(of.number)) return 0;
    const { off, on } = filter ? switchedBits(of, filter) : NOTHING;
    const byDay = dayBits | pickedBits(day, of);
    const byWeekday = weekdayBits(weekday.values, of) | pickedBits(weekday, of) | (holdsWorkdays ? on : 0);
    return (isEither ? byDay | byWeekday : byDay & byWeekday) & ~off & allDays(of);
  };
}

/** Whether a day is one of them. */
export function hasDay(days: DaysOfMonth, day: number): boolean {
  const month = monthOf(day);
  return (days(month) & (1 << (day - month.firstDay + 1))) !== 0;
}
