import { expect, test } from 'vitest';
import { parseCron } from './cron.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const times = (spec: string, from: string, count = 3) => {
  const cron = parseCron(spec);
  const found: string[] = [];
  let ms: number | null = at(from);
  while (found.length < count && (ms = cron.next(ms)) !== null)
    found.push(new Date(ms).toISOString().slice(0, 19));
  return found;
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
])('%j is no schedule', (spec) => {
  expect(() => parseCron(spec)).toThrow(expect.objectContaining({ code: 'invalid-value' }));
});

test('an unknown default zone is refused by name', () => {
  expect(() => parseCron('@daily', 'Nowhere/Else')).toThrow(/Nowhere\/Else/);
});

test('a schedule fires after a moment, never at it, on the first ms of a minute', () => {
  expect(times('*/20 * * * *', '2026-05-14T10:20:00.000')).toEqual([
    '2026-05-14T10:40:00',
    '2026-05-14T11:00:00',
    '2026-05-14T11:20:00',
  ]);
  expect(parseCron('* * * * *').next(at('2026-05-14T10:19:59.999'))).toBe(at('2026-05-14T10:20:00.000'));
});

test('with both days restricted either is enough; a star leaves it to the other', () => {
  expect(times('0 0 13 * FRI', '2026-02-01T00:00:00', 4)).toEqual([
    '2026-02-06T00:00:00',
    '2026-02-13T00:00:00',
    '2026-02-20T00:00:00',
    '2026-02-27T00:00:00',
  ]);
  expect(times('0 0 */1 * fri', '2026-02-01T00:00:00', 2)).toEqual([
    '2026-02-06T00:00:00',
    '2026-02-13T00:00:00',
  ]);
  expect(times('0 0 */2 * fri', '2026-02-01T00:00:00', 2)).toEqual([
    '2026-02-03T00:00:00',
    '2026-02-05T00:00:00',
  ]);
});

test('29 February waits for its year, 30 February never comes', () => {
  expect(times('0 0 29 2 ?', '2026-01-01T00:00:00', 1)).toEqual(['2028-02-29T00:00:00']);
  expect(parseCron('0 0 30 2 *').next(at('2026-01-01T00:00:00'))).toBeNull();
});

test('a local time that does not exist is skipped, one that comes twice fires twice', () => {
  expect(times('TZ=Europe/Berlin 30 2 * * *', '2026-03-28T00:00:00', 2)).toEqual([
    '2026-03-28T01:30:00',
    '2026-03-30T00:30:00',
  ]);
  expect(times('CRON_TZ=Europe/Berlin 30 2 * * *', '2026-10-24T12:00:00', 3)).toEqual([
    '2026-10-25T00:30:00',
    '2026-10-25T01:30:00',
    '2026-10-26T01:30:00',
  ]);
});

test('a clock that jumps half an hour costs no time that exists', () => {
  expect(times('TZ=Australia/Lord_Howe 0 3 * * *', '2026-04-03T18:00:00', 2)).toEqual([
    '2026-04-04T16:30:00',
    '2026-04-05T16:30:00',
  ]);
});

test('@every counts whole seconds, at least one', () => {
  expect(times('@every 1h30m', '2026-05-14T10:00:00.700', 2)).toEqual([
    '2026-05-14T11:30:00',
    '2026-05-14T13:00:00',
  ]);
  expect(times('@every 300ms', '2026-05-14T10:00:00.700', 2)).toEqual([
    '2026-05-14T10:00:01',
    '2026-05-14T10:00:02',
  ]);
});
