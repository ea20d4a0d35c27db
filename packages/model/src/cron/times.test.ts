import { describe, expect, test } from 'vitest';
import { compareFires, compareNearChanges } from '../../test/fire-checks.ts';
import type { CronFault, Dialect, Times } from './reading.ts';
import { readTimes, type CronSpec } from './times.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const text = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString().slice(0, 19));
const read = (cron: string, dialect: Dialect, rest: Partial<CronSpec> = {}) =>
  readTimes({ cron, dialect, timezone: 'UTC', ...rest });
const faultOf = (cron: string, dialect: Dialect) => read(cron, dialect) as CronFault;

/** The first fires after a moment, UTC. */
function fires(times: Times | CronFault, from: string, count = 3) {
  expect(times).not.toHaveProperty('expected');
  const found: (string | null)[] = [];
  for (let ms: number | null = at(from); found.length < count && ms !== null;) {
    ms = (times as Times).next(ms);
    found.push(text(ms));
  }
  return found;
}
const days = (times: Times | CronFault, from: string, count = 3) =>
  fires(times, `${from}T00:00`, count).map((one) => one?.slice(0, 10));

describe('the dialect `unix`', () => {
  test('has five fields, or six with seconds first', () => {
    expect(fires(read('30 8 * * *', 'unix'), '2026-05-14T08:30', 1)).toEqual(['2026-05-15T08:30:00']);
    expect(fires(read('*/20 30 8 * * *', 'unix'), '2026-05-14T08:30:20', 2)).toEqual([
      '2026-05-14T08:30:40',
      '2026-05-15T08:30:00',
    ]);
  });

  test.each(['0 0 * * 0', '0 0 * * 7', '0 0 * * SUN', '0 0 * * 7-7', '@weekly'])(
    '%s is each Sunday',
    (cron) => {
      expect(days(read(cron, 'unix'), '2026-05-14', 2)).toEqual(['2026-05-17', '2026-05-24']);
    },
  );

  test('counts Sunday as the end of a week, too', () => {
    for (const cron of ['0 0 * * 5-7', '0 0 * * fri-sun', '0 0 * * 5-0'])
      expect(days(read(cron, 'unix'), '2026-05-14', 4)).toEqual([
        '2026-05-15',
        '2026-05-16',
        '2026-05-17',
        '2026-05-22',
      ]);
  });

  test('fires on either day when both day fields are set', () => {
    expect(days(read('0 9 13 * fri', 'unix'), '2026-05-12')).toEqual([
      '2026-05-13',
      '2026-05-15',
      '2026-05-22',
    ]);
    expect(days(read('0 9 */10 * fri', 'unix'), '2026-05-10')).toEqual([
      '2026-05-11',
      '2026-05-15',
      '2026-05-21',
    ]);
  });

  test.each([
    ['0 0 ? * mon', 'day of month', '?'],
    ['0 0 1 * ?', 'day of week', '?'],
    ['0 0 L * *', 'day of month', '"L"'],
    ['0 0 LW * *', 'day of month', '"LW"'],
    ['0 0 15W * *', 'day of month', '"W"'],
    ['0 0 * * 5L', 'day of week', '"L"'],
    ['0 0 * * friL', 'day of week', '"L"'],
    ['0 0 * * 5#3', 'day of week', '"#"'],
    ['0 0 * * fri#3', 'day of week', '"#"'],
  ])('refuses %s: the fault names the field, the mark and the dialect to choose', (cron, field, mark) => {
    const fault = faultOf(cron, 'unix');
    expect(fault).toMatchObject({ field });
    expect(fault.expected).toContain(mark);
    expect(fault.expected).toContain('quartz');
  });
});

describe('the dialect `quartz`', () => {
  test('counts from 1, which is Sunday, and one day field is `?`', () => {
    expect(days(read('0 0 ? * 1', 'quartz'), '2026-05-14', 1)).toEqual(['2026-05-17']);
    expect(days(read('0 0 ? * 7', 'quartz'), '2026-05-14', 1)).toEqual(['2026-05-16']);
    expect(days(read('0 0 0 ? * MON-FRI', 'quartz'), '2026-05-15', 2)).toEqual(['2026-05-18', '2026-05-19']);
    expect(days(read('0 0 0 * * ?', 'quartz'), '2026-05-14', 1)).toEqual(['2026-05-15']);
    expect(days(read('@weekly', 'quartz'), '2026-05-14', 1)).toEqual(['2026-05-17']);
  });

  // 31 May 2026 is a Sunday, 28 February a Saturday, 1 August a Saturday.
  test.each([
    ['0 0 12 L * ?', ['2026-01-31', '2026-02-28', '2026-03-31']],
    ['0 0 12 L-3 * ?', ['2026-01-28', '2026-02-25', '2026-03-28']],
    ['0 0 12 LW * ?', ['2026-01-30', '2026-02-27', '2026-03-31']],
    ['0 0 12 LW 5 ?', ['2026-05-29', '2027-05-31', '2028-05-31']],
    ['0 0 12 L-2W 5 ?', ['2026-05-29', '2027-05-28', '2028-05-29']],
    ['0 0 12 1W 8 ?', ['2026-08-03', '2027-08-02', '2028-08-01']],
    ['0 0 12 31W 5-6 ?', ['2026-05-29', '2027-05-31', '2028-05-31']],
    ['0 0 12 ? * 6L', ['2026-01-30', '2026-02-27', '2026-03-27']],
    ['0 0 12 ? * friL', ['2026-01-30', '2026-02-27', '2026-03-27']],
    ['0 0 12 ? * L', ['2026-01-03', '2026-01-10', '2026-01-17']],
    ['0 0 12 ? * 6#3', ['2026-01-16', '2026-02-20', '2026-03-20']],
    ['0 0 12 ? * FRI#5', ['2026-01-30', '2026-05-29', '2026-07-31']],
    ['0 0 12 15,L * ?', ['2026-01-15', '2026-01-31', '2026-02-15']],
    ['0 0 12 ? NOV-FEB 2#1', ['2026-01-05', '2026-02-02', '2026-11-02']],
  ])('%s fires on %j', (cron, expected) => {
    expect(days(read(cron, 'quartz'), '2026-01-01', 3)).toEqual(expected);
  });

  test('goes on at the start in a range that ends below its start', () => {
    expect(fires(read('0 0 22-2/2 * * ?', 'quartz'), '2026-05-14T12:00', 4)).toEqual([
      '2026-05-14T22:00:00',
      '2026-05-15T00:00:00',
      '2026-05-15T02:00:00',
      '2026-05-15T22:00:00',
    ]);
    expect(days(read('0 0 0 ? * FRI-SUN', 'quartz'), '2026-05-14', 3)).toEqual([
      '2026-05-15',
      '2026-05-16',
      '2026-05-17',
    ]);
  });

  test('finds a fifth Friday of February 28 years ahead, and 40 around a year such as 2100', () => {
    expect(days(read('0 0 12 ? 2 6#5', 'quartz'), '2025-01-01', 1)).toEqual(['2036-02-29']);
    expect(days(read('0 0 12 ? 2 6#5', 'quartz'), '2036-03-01', 2)).toEqual(['2064-02-29', '2092-02-29']);
    expect(days(read('0 0 12 ? 2 2#5', 'quartz'), '2072-03-01', 1)).toEqual(['2112-02-29']);
  });

  test.each([
    ['0 0 12 * * *', 'day of week'],
    ['0 0 12 * * mon', 'day of month'],
    ['0 0 12 1 * mon', 'day of week'],
    ['0 0 12 ? * ?', 'day of month'],
    ['0 ? 12 ? * mon', 'minute'],
    ['0 0 12 ?,3 * mon', 'day of month'],
    ['0 0 L * * ?', 'hour'],
    ['0 0 12 L-31 * ?', 'day of month'],
    ['0 0 12 W * ?', 'day of month'],
    ['0 0 12 32W * ?', 'day of month'],
    ['0 0 12 1-5W * ?', 'day of month'],
    ['0 0 12 ? * 0', 'day of week'],
    ['0 0 12 ? * 8', 'day of week'],
    ['0 0 12 ? * 6#6', 'day of week'],
    ['0 0 12 ? * 6#0', 'day of week'],
    ['0 0 12 ? * xyL', 'day of week'],
  ])('refuses %s, and names the field %s', (cron, field) => {
    expect(faultOf(cron, 'quartz')).toMatchObject({ field, expected: expect.any(String) });
  });
});

describe('each dialect', () => {
  test.each([
    ['unix', '0 0 31 2 *', 'day of month'],
    ['unix', '0 0 0 30,31 2 *', 'day of month'],
    ['unix', '0 0 31 4,6,9,11 *', 'day of month'],
    ['quartz', '0 0 30 2 ?', 'day of month'],
    ['quartz', '0 0 0 30W 2 ?', 'day of month'],
    ['quartz', '0 0 0 L-30 2,4,6 ?', 'day of month'],
    ['quartz', '0 0 ? 2 6#6', 'day of week'],
    ['asynq', '0 0 31 2 *', 'day of month'],
  ] as const)('refuses in %s what never fires: %s', (dialect, cron, field) => {
    const before = process.cpuUsage();
    const fault = faultOf(cron, dialect);
    expect(fault).toMatchObject({ field, expected: expect.any(String) });
    expect(process.cpuUsage(before).user / 1_000, 'ms of the processor').toBeLessThan(50);
  });

  test.each([
    ['unix', '0 0 12 1 1 * 2027', '2027'],
    ['unix', '0 12 1 1 * 2027', '2027'],
    ['unix', '0 12 1 1 * 2027-2030', '2027-2030'],
    ['quartz', '0 0 12 1 1 ? 2027', '2027'],
    ['quartz', '0 0 12 1 1 ? *', '*'],
  ] as const)('refuses in %s a year field by name: %s', (dialect, cron, got) => {
    expect(faultOf(cron, dialect)).toMatchObject({
      field: 'year',
      got,
      expected: expect.stringContaining('ends_at'),
    });
  });

  test.each(['', '* * * *', '@reboot', '1 2 3 4 5 6 7 8', '@every'])('refuses %j as a whole', (cron) => {
    for (const dialect of ['unix', 'quartz'] as const)
      expect(faultOf(cron, dialect)).toMatchObject({
        field: null,
        expected: expect.stringContaining('five fields'),
      });
  });

  test('refuses a text that is too long', () => {
    const seconds = Array.from({ length: 60 }, (_, i) => i).join(',');
    expect(read(`${seconds} ${seconds} * * * *`, 'unix')).not.toHaveProperty('expected');
    expect(faultOf(`0 0 0 ${'L,'.repeat(50_000)}L * ?`, 'quartz')).toMatchObject({ field: null });
  });

  test('takes names and intervals, and the zone from its own field', () => {
    for (const dialect of ['unix', 'quartz', 'asynq'] as const) {
      const shanghai = { timezone: 'Asia/Shanghai' };
      expect(fires(read('@daily', dialect, shanghai), '2026-05-14T00:00', 1)).toEqual([
        '2026-05-14T16:00:00',
      ]);
      expect(fires(read('@every 10m', dialect, shanghai), '2026-05-14T00:07', 1)).toEqual([
        '2026-05-14T00:10:00',
      ]);
      expect(read('@daily', dialect, { timezone: 'Nowhere/Else' })).toMatchObject({ field: 'time zone' });
      expect(read('@every 1500ms', dialect)).toMatchObject({ field: 'interval' });
    }
    expect(faultOf('TZ=Asia/Shanghai @daily', 'unix')).toMatchObject({
      field: null,
      got: 'Asia/Shanghai',
    });
    expect(fires(read('TZ=Asia/Shanghai @daily', 'asynq'), '2026-05-14T00:00', 1)).toEqual([
      '2026-05-14T16:00:00',
    ]);
  });
});

describe.each(['unix', 'quartz', 'asynq'] as const)('random texts of the dialect %s', (dialect) => {
  test('fire as a walk from day to day says', () => {
    compareFires(dialect, { numRuns: 40, seed: 15 });
  });
  test('fire as a walk from moment to moment says, where a clock is set', () => {
    compareNearChanges(dialect, { numRuns: 20, seed: 15 });
  });
});
