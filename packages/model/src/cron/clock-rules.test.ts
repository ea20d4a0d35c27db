import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changesOf, offsetsOf, plainOf, referenceTimes, type Change } from '../../test/clock-reference.ts';
import { asynqRule, ownRule } from './clock-rules.ts';
import { readCronFields } from './cron-fields.ts';
import { readCron } from './cron.ts';
import type { CronFields } from './dialects.ts';
import type { Cron, Times } from './reading.ts';
import { readTimes } from './times.ts';
import { zoneOf } from './zone.ts';

const HOURS = 40;
const HOUR_MS = 3_600_000;

/** The first times after a moment, UTC. */
function timesOf(spec: string, from: string, count: number): string[] {
  const cron = readCron(spec) as Cron;
  const times: string[] = [];
  for (let ms = Date.parse(`${from}Z`); times.length < count;) {
    ms = cron.next(ms)!;
    times.push(new Date(ms).toISOString().slice(0, 16));
  }
  return times;
}

describe('a local time in a gap', () => {
  test('fires at the end of the gap: New York, 8 March 2026', () => {
    expect(timesOf('TZ=America/New_York 30 2 * * *', '2026-03-07T12:00', 3)).toEqual([
      '2026-03-08T07:00',
      '2026-03-09T06:30',
      '2026-03-10T06:30',
    ]);
  });

  test('is one fire with others of the gap, and with a regular time at its end', () => {
    const times = timesOf('TZ=America/New_York 0,15,30,45 2,3 * * *', '2026-03-08T05:00', 5);
    expect(times.map((time) => time.slice(11))).toEqual(['07:00', '07:15', '07:30', '07:45', '06:00']);
    expect(timesOf('TZ=America/New_York 0 2,3 * * *', '2026-03-08T05:00', 2)).toEqual([
      '2026-03-08T07:00',
      '2026-03-09T06:00',
    ]);
  });

  test('at midnight fires when the day begins: São Paulo 2018, Beirut and Cairo 2026', () => {
    expect(timesOf('TZ=America/Sao_Paulo @daily', '2018-11-03T12:00', 2)).toEqual([
      '2018-11-04T03:00',
      '2018-11-05T02:00',
    ]);
    expect(timesOf('TZ=Asia/Beirut @daily', '2026-03-28T12:00', 2)).toEqual([
      '2026-03-28T22:00',
      '2026-03-29T21:00',
    ]);
    expect(timesOf('TZ=Africa/Cairo 30 0 * * *', '2026-04-23T12:00', 2)).toEqual([
      '2026-04-23T22:00',
      '2026-04-24T21:30',
    ]);
  });

  test('of a whole day fires once, when the next day begins: Apia, 30 December 2011', () => {
    expect(timesOf('TZ=Pacific/Apia 0 12 * * *', '2011-12-29T12:00', 3)).toEqual([
      '2011-12-29T22:00',
      '2011-12-30T10:00',
      '2011-12-30T22:00',
    ]);
    expect(timesOf('TZ=Pacific/Apia @daily', '2011-12-29T12:00', 2)).toEqual([
      '2011-12-30T10:00',
      '2011-12-31T10:00',
    ]);
    expect(timesOf('TZ=Pacific/Apia 0 9,17 30 12 *', '2011-12-01T00:00', 2)).toEqual([
      '2011-12-30T10:00',
      '2012-12-29T19:00',
    ]);
  });

  test('of half an hour fires at its end: Lord Howe', () => {
    expect(timesOf('TZ=Australia/Lord_Howe 15 2 * * *', '2026-10-03T00:00', 2)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
  });
});

describe('a local time that comes twice', () => {
  test('fires the first time: New York, 1 November 2026', () => {
    expect(timesOf('TZ=America/New_York 30 1 * * *', '2026-10-31T12:00', 2)).toEqual([
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
  });

  test('does not fire again, whenever one asks', () => {
    const cron = readCron('TZ=America/New_York 0-59/10 1 * * *') as Cron;
    const secondHour = Date.parse('2026-11-01T06:00Z');
    for (let ms = secondHour - 1; ms < secondHour + HOUR_MS; ms += 7 * 60_000)
      expect(cron.next(ms)).toBe(Date.parse('2026-11-02T06:00Z'));
  });
});

describe('an hour field that begins with a star', () => {
  test('follows real time: each 15 minutes through both hours, and none is left out', () => {
    for (const from of ['2026-11-01T04:00', '2026-03-08T05:00']) {
      const times = timesOf('TZ=America/New_York */15 * * * *', from, 20).map((time) =>
        Date.parse(`${time}Z`),
      );
      for (const [i, time] of times.slice(1).entries()) expect(time - (times[i] ?? 0)).toBe(15 * 60_000);
    }
  });

  test('is found backwards, also where a clock that was set back has shown later times before: Gaza, 28 October 2017', () => {
    const cron = readTimes({ cron: '1 * 28 10 *', dialect: 'unix', timezone: 'Asia/Gaza' }) as Times;
    const [first, second] = [Date.parse('2017-10-27T21:01Z'), Date.parse('2017-10-27T22:01Z')];
    expect(cron.previous(second - 1, first - HOUR_MS)).toBe(first);
    expect(cron.previous(second, first - HOUR_MS)).toBe(second);
    expect(cron.previous(first - 1, first - HOUR_MS)).toBeNull();
  });

  test('with a step fires in both hours, and not in a gap', () => {
    expect(
      timesOf('TZ=America/New_York 30 */1 * * *', '2026-11-01T04:00', 4).map((t) => t.slice(11)),
    ).toEqual(['04:30', '05:30', '06:30', '07:30']);
    expect(timesOf('TZ=America/New_York 0 */2 * * *', '2026-03-08T04:30', 3).map((t) => t.slice(11))).toEqual(
      ['05:00', '08:00', '10:00'],
    );
  });
});

const list = (min: number, max: number) =>
  fc
    .array(fc.integer({ min, max }), { minLength: 1, maxLength: 4 })
    .map((values) => [...new Set(values)].join(','));
const expressions = fc.tuple(
  fc.oneof(list(0, 59), fc.constantFrom('*', '*/15', '*/7', '0', '30')),
  fc.oneof(list(0, 4), list(0, 23), fc.constantFrom('*', '*/2', '0-23', '22-23', '0-3/2')),
  fc.oneof({ arbitrary: fc.constant('*'), weight: 3 }, { arbitrary: list(1, 31), weight: 1 }),
  fc.constant('*'),
  fc.oneof({ arbitrary: fc.constant('*'), weight: 3 }, { arbitrary: list(0, 6), weight: 1 }),
);
const ZONES = [
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Gaza',
  'Pacific/Apia',
  'Asia/Pyongyang',
  'Antarctica/Troll',
];

describe('compared minute by minute with the rule in its plainest form', () => {
  test.each(ZONES)('%s fires at the same times around each change of its clock', (name) => {
    const changes = changesOf(offsetsOf(name), Date.UTC(2011, 0), Date.UTC(2027, 0));
    const zone = zoneOf(name)!;
    const check = (texts: readonly string[], change: Change) => {
      const fields = readCronFields(texts.join(' '), 'asynq', false) as CronFields;
      const endMs = change.atMs + HOURS * HOUR_MS;
      const times: number[] = [];
      for (let ms: number | null = change.atMs - HOURS * HOUR_MS - 1; ms !== null && ms <= endMs;) {
        ms = ownRule(fields, zone).next(ms);
        if (ms !== null && ms <= endMs) times.push(ms);
      }
      expect(times).toEqual(referenceTimes(plainOf(fields), change, { hours: HOURS, stepMs: 60_000 }));
    };
    fc.assert(fc.property(expressions, fc.constantFrom(...changes), check), { seed: 12, numRuns: 25 });
  });

  test('the rule of Go leaves out what is in a gap, and fires twice at what comes twice', () => {
    const fields = readCronFields('30 1,2 * * *', 'asynq', false) as CronFields;
    const zone = zoneOf('America/New_York')!;
    const next = (from: string) =>
      new Date(asynqRule(fields, zone).next(Date.parse(from)) ?? 0).toISOString();
    expect(next('2026-03-08T06:30Z')).toBe('2026-03-09T05:30:00.000Z');
    expect(next('2026-11-01T05:30Z')).toBe('2026-11-01T06:30:00.000Z');
  });
});
