// The calendars that are there without anything stored. A stored one of the same name takes its place.
import { DAY_MS } from '../durations.ts';
import { dateOf, type Calendar } from './calendar.ts';
import { cnDays } from './cn.generated.ts';

/** The dates of ranges such as `01-01 02-10..02-17` of a year. */
function listDates(year: string, ranges: string): string[] {
  const dates: string[] = [];
  for (const range of ranges.split(' ')) {
    const [first = '', last = first] = range.split('..');
    const endMs = Date.parse(`${year}-${last}`);
    for (let ms = Date.parse(`${year}-${first}`); ms <= endMs; ms += DAY_MS) dates.push(dateOf(ms / DAY_MS));
  }
  return dates;
}

const allDates = (list: 'off' | 'on') =>
  Object.entries(cnDays).flatMap(([year, ranges]) => listDates(year, ranges[list]));

/** Made when somebody first asks for it: most processes never do. */
let cn: Calendar | null = null;

/**
 * The built-in calendars by name. `cn` has China's public holidays (法定节假日) and the weekends on which people work for them
 * (调休), from 2016 to the newest year whose notice by the State Council we know. Nothing is known of later years.
 */
export const BUILT_IN_CALENDARS: Readonly<Record<string, Calendar>> = {
  get cn() {
    cn ??= { off: allDates('off'), on: allDates('on') };
    return cn;
  },
};
