import { expect, test } from 'vitest';
import { parseCron } from './cron.ts';
import { isTimeZone } from './zone.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const firingTimes = (spec: string, from: string, count = 3) => {
  const cron = parseCron(spec)!;
  const fired: string[] = [];
  let ms: number | null = at(from);
  while (fired.length < count && (ms = cron.next(ms)) !== null)
    fired.push(new Date(ms).toISOString().slice(0, 19));
  return fired;
};

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '0 0 * * 7',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '5-1 * * * *',
  '*/0 * * * *',
  '1/2/3 * * * *',
  '1-2-3 * * * *',
  'a * * * *',
  '* * L * *',
  '-1 * * * *',
  '@reboot',
  '@every',
  '@every x',
  '@toString',
  'TZ=Nowhere/Else 0 0 * * *',
  'TZ=+02:00 0 0 * * *',
  'TZ=UTC',
])('%j is refused', (spec) => {
  expect(parseCron(spec)).toBeNull();
});

test('an unknown default zone is refused', () => {
  expect(parseCron('@daily', 'Nowhere/Else')).toBeNull();
  expect([isTimeZone('Nowhere/Else'), isTimeZone('Europe/Berlin')]).toEqual([false, true]);
});

test('the next time is always later than the given one, and is the first ms of a minute', () => {
  expect(firingTimes('*/20 * * * *', '2026-05-14T10:20:00.000')).toEqual([
    '2026-05-14T10:40:00',
    '2026-05-14T11:00:00',
    '2026-05-14T11:20:00',
  ]);
  expect(parseCron('* * * * *')!.next(at('2026-05-14T10:19:59.999'))).toBe(at('2026-05-14T10:20:00.000'));
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

test('29 February fires in the next leap year, 30 February never', () => {
  expect(firingTimes('0 0 29 2 ?', '2026-01-01T00:00:00', 1)).toEqual(['2028-02-29T00:00:00']);
  expect(parseCron('0 0 30 2 *')!.next(at('2026-01-01T00:00:00'))).toBeNull();
});

test('a local time that does not exist is skipped, and one that comes twice fires twice', () => {
  expect(firingTimes('TZ=Europe/Berlin 30 2 * * *', '2026-03-28T00:00:00', 2)).toEqual([
    '2026-03-28T01:30:00',
    '2026-03-30T00:30:00',
  ]);
  expect(firingTimes('CRON_TZ=Europe/Berlin 30 2 * * *', '2026-10-24T12:00:00', 3)).toEqual([
    '2026-10-25T00:30:00',
    '2026-10-25T01:30:00',
    '2026-10-26T01:30:00',
  ]);
});

test('a zone whose clock changes by half an hour loses no firing', () => {
  expect(firingTimes('TZ=Australia/Lord_Howe 0 3 * * *', '2026-04-03T18:00:00', 2)).toEqual([
    '2026-04-04T16:30:00',
    '2026-04-05T16:30:00',
  ]);
});

test('@every fires on whole seconds, at least one second apart', () => {
  expect(firingTimes('@every 1h30m', '2026-05-14T10:00:00.700', 2)).toEqual([
    '2026-05-14T11:30:00',
    '2026-05-14T13:00:00',
  ]);
  expect(firingTimes('@every 300ms', '2026-05-14T10:00:00.700', 2)).toEqual([
    '2026-05-14T10:00:01',
    '2026-05-14T10:00:02',
  ]);
});
