// What Quartz can say about days besides lists: `L`, `L-3`, `LW`, `15W`, `6L`, `6#3`. Each picks at most one day of a month.
import { weekdayOf, type Month } from './month.ts';

/** The day of a month that is meant; below 1 if the month has none. */
export type DayPick = (month: Month) => number;

const SUNDAY = 0;
const SATURDAY = 6;
const DAYS_PER_WEEK = 7;
/** `L-30` is the first day of a month of 31. */
const MAX_BACK = 30;

/** The working day that is nearest to a day, within the month. A month that lacks the day has none. */
function workdayNear(pick: DayPick): DayPick {
  return (month) => {
    const day = pick(month);
    if (day < 1 || day > month.days) return 0;
    const weekday = weekdayOf(month.firstDay + day - 1);
    if (weekday === SATURDAY) return day > 1 ? day - 1 : day + 2;
    if (weekday === SUNDAY) return day < month.days ? day + 1 : day - 2;
    return day;
  };
}

/** Reads `L`, `L-3`, `LW`, `L-3W` or `15W`; null if it is none of them. */
export function readDayPick(text: string): DayPick | null {
  const [matched, back = '0', workday] = /^L(?:-(\d{1,2}))?(W)?$/i.exec(text) ?? [];
  if (matched !== undefined && Number(back) <= MAX_BACK) {
    const pick: DayPick = ({ days }) => days - Number(back);
    return workday === undefined ? pick : workdayNear(pick);
  }
  const day = Number(/^(\d{1,2})W$/i.exec(text)?.[1]);
  return day >= 1 && day <= 31 ? workdayNear(() => day) : null;
}

/**
 * Reads `6L` or `6#3`, with a number or a name; null if it is neither.
 *
 * @param weekdayOfText reads the day of the week: 0 is Sunday, NaN = not valid
 */
export function readWeekdayPick(text: string, weekdayOfText: (text: string) => number): DayPick | null {
  const [, lastText, nthText, count] = /^(?:(\w+)L|(\w+)#([1-5]))$/i.exec(text) ?? [];
  const weekday = weekdayOfText(lastText ?? nthText ?? '');
  if (Number.isNaN(weekday)) return null;
  if (lastText !== undefined)
    return ({ firstDay, days }) =>
      days - ((weekdayOf(firstDay + days - 1) - weekday + DAYS_PER_WEEK) % DAYS_PER_WEEK);
  return ({ firstDay, days }) => {
    const first = 1 + ((weekday - weekdayOf(firstDay) + DAYS_PER_WEEK) % DAYS_PER_WEEK);
    const day = first + DAYS_PER_WEEK * (Number(count) - 1);
    return day <= days ? day : 0;
  };
}
