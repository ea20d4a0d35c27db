import { afterEach, describe, expect, test, vi } from 'vitest';
import { BUILT_IN_CALENDARS } from './built-in.ts';
import { calendarDays } from './calendar-days.ts';
import { isCronFault } from '../cron/reading.ts';
import { readTimes } from '../cron/times.ts';
import { dateOf, dayNumberOf, readCalendar } from './calendar.ts';

const cn = BUILT_IN_CALENDARS['cn'] ?? { off: [], on: [] };
const days = calendarDays(cn);
const day = (date: string) => dayNumberOf(date) ?? Number.NaN;
const on = (date: string) => days.dayFilter(day(date));
const weekdayOf = (date: string) => new Date(date).getUTCDay();
const FIRST_YEAR = 2016;
const years = [...days.years].toSorted((a, b) => a - b);

/** The dates from one to another, both included. */
const between = (first: string, last: string) =>
  Array.from({ length: day(last) - day(first) + 1 }, (_, i) => dateOf(day(first) + i));
const ofYear = (list: readonly string[], year: number) => list.filter((date) => date.startsWith(`${year}-`));

/** The Chinese calendar, by the runtime's own data. */
const lunar = new Intl.DateTimeFormat('en-u-ca-chinese', {
  month: 'numeric',
  day: 'numeric',
  timeZone: 'UTC',
});

/** The date between two others of a day of the Chinese calendar, such as `1/1`. A leap month is written `6bis`. */
const lunarDate = (monthAndDay: string, first: string, last: string): string | undefined =>
  between(first, last).find((date) => lunar.format(new Date(date)) === monthAndDay);

/** 清明: the sun is at 15°. The formula holds in this century. */
function qingming(year: number): string {
  const inCentury = year % 100;
  return `${year}-04-0${Math.floor(inCentury * 0.2422 + 4.81) - Math.floor(inCentury / 4)}`;
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('the calendar cn', () => {
  test('is built in, and no other is', () => {
    expect(Object.keys(BUILT_IN_CALENDARS)).toEqual(['cn']);
    expect(BUILT_IN_CALENDARS['cn']).toBe(cn);
  });

  test('is as valid as a stored one: dates that exist, sorted, each once and in one list', () => {
    expect(readCalendar(cn)).toEqual(cn);
  });

  test('covers each year from 2016 to 2026 at least', () => {
    expect(years.length).toBeGreaterThanOrEqual(11);
    expect(years).toEqual(years.map((_, i) => FIRST_YEAR + i));
  });

  test('depends neither on the clock nor on the time zone of the process', async () => {
    vi.useFakeTimers({ now: Date.UTC(2040, 0, 1) });
    vi.stubEnv('TZ', 'Pacific/Kiritimati');
    vi.resetModules();
    const anew = await import('./built-in.ts');
    expect(new Date().getHours()).toBe(14);
    expect(anew.BUILT_IN_CALENDARS['cn']).not.toBe(cn);
    expect(anew.BUILT_IN_CALENDARS['cn']).toEqual(cn);
  });

  test('has worked days at weekends only', () => {
    expect(cn.on.filter((date) => ![0, 6].includes(weekdayOf(date)))).toEqual([]);
  });

  test.each(years)('has the seven holidays of %i', (year) => {
    const holidays = {
      元旦: `${year}-01-01`,
      春节: lunarDate('1/1', `${year}-01-20`, `${year}-02-22`),
      清明节: qingming(year),
      劳动节: `${year}-05-01`,
      端午节: lunarDate('5/5', `${year}-05-20`, `${year}-06-30`),
      中秋节: lunarDate('8/15', `${year}-09-01`, `${year}-10-10`),
      国庆节: `${year}-10-01`,
    };
    const missing = Object.entries(holidays).filter(([, date]) => date === undefined || on(date) !== 'off');
    expect(missing).toEqual([]);
  });

  test.each(years)('has in %i no more days of work than days off on weekdays pay for', (year) => {
    const [offDays, onDays] = [ofYear(cn.off, year), ofYear(cn.on, year)];
    const freed = offDays.filter((date) => ![0, 6].includes(weekdayOf(date))).length;
    expect(offDays.length).toBeGreaterThanOrEqual(20);
    expect(offDays.length).toBeLessThanOrEqual(40);
    expect(onDays.length).toBeGreaterThanOrEqual(4);
    expect(onDays.length).toBeLessThan(freed);
  });

  test('has the Spring Festival of 2024: a Sunday is worked', () => {
    expect(between('2024-02-10', '2024-02-17').map(on)).toEqual(Array(8).fill('off'));
    expect(['2024-02-04', '2024-02-18'].map(on)).toEqual(['on', 'on']);
    expect(['2024-02-09', '2024-02-19'].map(on)).toEqual([null, null]);
  });

  test('has the Spring Festival of 2025, which has a day more', () => {
    expect(between('2025-01-28', '2025-02-04').map(on)).toEqual(Array(8).fill('off'));
    expect(['2025-01-26', '2025-02-08'].map(on)).toEqual(['on', 'on']);
    expect(['2025-01-27', '2025-02-05'].map(on)).toEqual([null, null]);
  });

  test('has 2020 with the Spring Festival that was made longer', () => {
    expect(between('2020-01-24', '2020-02-02').map(on)).toEqual(Array(10).fill('off'));
    expect(on('2020-02-01')).toBe('off');
    expect(on('2020-02-03')).toBeNull();
  });

  test('has 2026 as the notice of 4 November 2025 says', () => {
    expect(ofYear(cn.off, 2026)).toEqual([
      ...between('2026-01-01', '2026-01-03'),
      ...between('2026-02-15', '2026-02-23'),
      ...between('2026-04-04', '2026-04-06'),
      ...between('2026-05-01', '2026-05-05'),
      ...between('2026-06-19', '2026-06-21'),
      ...between('2026-09-25', '2026-09-27'),
      ...between('2026-10-01', '2026-10-07'),
    ]);
    expect(ofYear(cn.on, 2026)).toEqual([
      '2026-01-04',
      '2026-02-14',
      '2026-02-28',
      '2026-05-09',
      '2026-09-20',
      '2026-10-10',
    ]);
  });

  test('knows nothing of the years around: plain weekdays count', () => {
    const next = (years.at(-1) ?? 0) + 1;
    for (const date of [`${FIRST_YEAR - 1}-12-31`, `${next}-01-01`, `${next}-10-01`]) {
      expect(on(date)).toBeNull();
      expect(days.note(day(date))).toBe('calendar_unknown');
    }
    expect(days.note(day(`${next - 1}-12-31`))).toBeNull();
  });

  test('moves the fires of working days: none on holidays, some on worked weekends, all as usual after its last year', () => {
    const spec = { dialect: 'unix', timezone: 'Asia/Shanghai', dayFilter: days.dayFilter } as const;
    const times = readTimes({ cron: '0 8 * * mon-fri', ...spec });
    if (isCronFault(times)) throw new Error('the spec was refused');
    const firesBetween = (first: string, last: string) =>
      between(first, last).filter(
        (date) => times.next(Date.parse(`${date}T07:59:59+08:00`)) === Date.parse(`${date}T08:00:00+08:00`),
      );
    expect(firesBetween('2026-02-13', '2026-03-01')).toEqual([
      '2026-02-13',
      '2026-02-14',
      '2026-02-24',
      '2026-02-25',
      '2026-02-26',
      '2026-02-27',
      '2026-02-28',
    ]);
    const sunday = Date.parse('2024-02-18T08:00:00+08:00');
    expect(times.next(sunday - 1)).toBe(sunday);
    expect(days.note(day('2024-02-18'))).toBe('calendar_on');
    const next = (years.at(-1) ?? 0) + 1;
    expect(firesBetween(`${next}-10-01`, `${next}-10-07`)).toEqual(
      between(`${next}-10-01`, `${next}-10-07`).filter((date) => ![0, 6].includes(weekdayOf(date))),
    );
  });
});
