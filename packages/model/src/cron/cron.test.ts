import { describe, expect, test } from 'vitest';
import { readCron } from './cron.ts';
import { isCronFault, type Cron } from './reading.ts';

const ASYNQ = { profile: 'asynq' } as const;
const at = (text: string) => Date.parse(`${text}Z`);
const firingTimes = (spec: string, from: string, count = 3) => timesOf(readCron(spec) as Cron, from, count);
const asynqTimes = (spec: string, from: string, count: number) =>
  timesOf(readCron(spec, ASYNQ) as Cron, from, count);
const timesOf = (cron: Cron, from: string, count: number) => {
  const fired: string[] = [];
  let ms: number | null = at(from);
  while (fired.length < count && (ms = cron.next(ms)) !== null)
    fired.push(new Date(ms).toISOString().slice(0, 19));
  return fired;
};

test.each([
  ['', null],
  ['* * * *', null],
  ['* * * * * *', null],
  ['@reboot', null],
  ['@every', null],
  ['@toString', null],
  ['TZ=UTC', null],
  ['0 0 * * 7', 'day of week'],
  ['60 * * * *', 'minute'],
  ['* 24 * * *', 'hour'],
  ['* * 0 * *', 'day of month'],
  ['* * * 13 *', 'month'],
  ['5-1 * * * *', 'minute'],
  ['*/0 * * * *', 'minute'],
  ['1/2/3 * * * *', 'minute'],
  ['1-2-3 * * * *', 'minute'],
  ['a * * * *', 'minute'],
  ['* * L * *', 'day of month'],
  ['-1 * * * *', 'minute'],
  ['@every x', 'interval'],
  ['TZ=Nowhere/Else 0 0 * * *', 'time zone'],
  ['TZ=+02:00 0 0 * * *', 'time zone'],
])('%j is refused by both profiles, and the field %s is named', (spec, field) => {
  expect(readCron(spec)).toMatchObject({ field });
  expect(readCron(spec, ASYNQ)).toMatchObject({ field });
});

describe('our profile refuses what Go reads, but what', () => {
  test.each([
    ['0 0 31 2 *', 'day of month'],
    ['0 0 30,31 FEB *', 'day of month'],
    ['0 0 31 4,6,9,11 *', 'day of month'],
    ['0 0 30-31 2 mon', 'day of month'],
  ])('never fires: %s', (spec, field) => {
    expect(readCron(spec)).toMatchObject({ field });
    expect(isCronFault(readCron(spec, ASYNQ))).toBe(false);
  });

  test.each([
    ['@every 500ms', 'interval'],
    ['@every 1.5s', 'interval'],
    ['@every 1m0.25s', 'interval'],
    ['@every 0', 'interval'],
    ['@every -5m', 'interval'],
    ['TZ=Europe/Berlin @every 24h', 'time zone'],
    ['*/90 * * * *', 'minute'],
    ['*/60 * * * *', 'minute'],
    ['0 */24 * * *', 'hour'],
    ['0 8-10/3 * * *', 'hour'],
    ['0 0 30/5 * *', 'day of month'],
    ['0 0 1 */12 *', 'month'],
    ['0 0 * * */7', 'day of week'],
    ['*-5 * * * *', 'minute'],
    ['1,,2 * * * *', 'minute'],
    [', * * * *', 'minute'],
  ])('does not fire as it is written: %s', (spec, field) => {
    expect(readCron(spec)).toMatchObject({ field, expected: expect.any(String) });
    expect(isCronFault(readCron(spec, ASYNQ))).toBe(false);
  });

  test.each(['0 0 29 2 *', '0 0 31 1,2 *', '*/40 * * * *', '0 9 1-7 * mon', '@every 90m', '0/30 * * * *'])(
    'but not what it can do: %s',
    (spec) => expect(isCronFault(readCron(spec))).toBe(false),
  );
});

test('an unknown default zone is refused, also where no zone is needed', () => {
  const options = { timeZone: 'Nowhere/Else' };
  const fault = { field: 'time zone', got: 'Nowhere/Else' };
  expect(readCron('@daily', options)).toMatchObject(fault);
  expect(readCron('@every 1m', options)).toMatchObject(fault);
});

test('the next time is always later than the given one, and is the first ms of a minute', () => {
  expect(firingTimes('*/20 * * * *', '2026-05-14T10:20:00.000')).toEqual([
    '2026-05-14T10:40:00',
    '2026-05-14T11:00:00',
    '2026-05-14T11:20:00',
  ]);
  expect((readCron('* * * * *') as Cron).next(at('2026-05-14T10:19:59.999'))).toBe(
    at('2026-05-14T10:20:00.000'),
  );
});

test('with both day fields restricted either is enough; with a star in one of them the other decides', () => {
  expect(firingTimes('0 0 13 * FRI', '2026-02-01T00:00:00', 4)).toEqual([
    '2026-02-06T00:00:00',
    '2026-02-13T00:00:00',
    '2026-02-20T00:00:00',
    '2026-02-27T00:00:00',
  ]);
  expect(firingTimes('0 0 */1 * fri', '2026-02-01T00:00:00', 2)).toEqual([
    '2026-02-06T00:00:00',
    '2026-02-13T00:00:00',
  ]);
  expect(firingTimes('0 0 */2 * fri', '2026-02-01T00:00:00', 2)).toEqual([
    '2026-02-03T00:00:00',
    '2026-02-05T00:00:00',
  ]);
});

test('29 February fires in the next leap year, eight years away around 2100; Go looks five years ahead', () => {
  expect(firingTimes('0 0 29 2 ?', '2026-01-01T00:00:00', 1)).toEqual(['2028-02-29T00:00:00']);
  expect(firingTimes('0 0 29 2 ?', '2096-03-01T00:00:00', 1)).toEqual(['2104-02-29T00:00:00']);
  expect(asynqTimes('0 0 29 2 ?', '2096-03-01T00:00:00', 1)).toEqual([]);
  expect(asynqTimes('0 0 30 2 *', '2026-01-01T00:00:00', 1)).toEqual([]);
  for (const spec of [', * * * *', '* , * * *', '* * , * *', '* * * , *'])
    expect(asynqTimes(spec, '2026-01-01T00:00:00', 1)).toEqual([]);
});

test('as in Go, a local time that does not exist is skipped, and one that comes twice fires twice', () => {
  expect(asynqTimes('TZ=Europe/Berlin 30 2 * * *', '2026-03-28T00:00:00', 2)).toEqual([
    '2026-03-28T01:30:00',
    '2026-03-30T00:30:00',
  ]);
  expect(asynqTimes('CRON_TZ=Europe/Berlin 30 2 * * *', '2026-10-24T12:00:00', 3)).toEqual([
    '2026-10-25T00:30:00',
    '2026-10-25T01:30:00',
    '2026-10-26T01:30:00',
  ]);
});

test('a zone whose clock changes by half an hour loses no firing', () => {
  for (const times of [firingTimes, asynqTimes])
    expect(times('TZ=Australia/Lord_Howe 0 3 * * *', '2026-04-03T18:00:00', 2)).toEqual([
      '2026-04-04T16:30:00',
      '2026-04-05T16:30:00',
    ]);
});

test('@every fires at the multiples of its interval since 1970, whenever one asks', () => {
  for (const from of ['2026-05-14T10:00:00.700', '2026-05-14T10:29:59.999'])
    expect(firingTimes('@every 1h30m', from, 2)).toEqual(['2026-05-14T10:30:00', '2026-05-14T12:00:00']);
  expect(firingTimes('@every 24h', '2026-05-14T10:00:00', 1)).toEqual(['2026-05-15T00:00:00']);
});

test('as in Go, @every counts from when it is asked, on whole seconds, at least one second apart', () => {
  expect(asynqTimes('@every 1h30m', '2026-05-14T10:00:00.700', 2)).toEqual([
    '2026-05-14T11:30:00',
    '2026-05-14T13:00:00',
  ]);
  expect(asynqTimes('@every 300ms', '2026-05-14T10:00:00.700', 2)).toEqual([
    '2026-05-14T10:00:01',
    '2026-05-14T10:00:02',
  ]);
});
