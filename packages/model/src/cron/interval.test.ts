import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changesOf, offsetsOf } from '../../test/clock-reference.ts';
import { expectFires } from '../../test/fire-checks.ts';
import type { Times } from './reading.ts';
import { readTimes, type EverySpec } from './times.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const at = (text: string) => Date.parse(`${text}Z`);
const timesOf = (spec: EverySpec) => readTimes(spec) as Times;

describe('an interval', () => {
  const anchorMs = at('2026-05-14T10:00:30');

  test('fires at its anchor and at each interval after it', () => {
    const times = timesOf({ everyMs: HOUR_MS, anchorMs });
    expectFires(times, [anchorMs, anchorMs + HOUR_MS, anchorMs + 2 * HOUR_MS], [0, anchorMs + 2 * HOUR_MS]);
    expect(times.next(anchorMs - 1)).toBe(anchorMs);
    expect(times.next(anchorMs)).toBe(anchorMs + HOUR_MS);
    expect(times.previous(anchorMs - 1, 0)).toBeNull();
    expect(times.previous(anchorMs + HOUR_MS, anchorMs + HOUR_MS)).toBeNull();
    expect(times.count(anchorMs + 5 * HOUR_MS, anchorMs)).toBe(0);
  });

  test('of each second for three days is counted without a walk', () => {
    const times = timesOf({ everyMs: SECOND_MS, anchorMs });
    expect(times.count(anchorMs, anchorMs + 3 * DAY_MS)).toBe(259_200);
  });

  test('drops a part of a second of its anchor: each fire lies on a whole second', () => {
    expect(timesOf({ everyMs: 90_000, anchorMs: anchorMs + 999 }).next(anchorMs)).toBe(anchorMs + 90_000);
  });

  test.each([0, -5_000, 500, 1_500, Number.NaN, Number.POSITIVE_INFINITY])(
    'of %d ms is refused',
    (everyMs) => {
      expect(readTimes({ everyMs, anchorMs })).toMatchObject({ field: 'interval' });
    },
  );

  test('with an unknown zone is refused', () => {
    expect(readTimes({ everyMs: HOUR_MS, anchorMs, timezone: 'Nowhere/Else' })).toMatchObject({
      field: 'time zone',
    });
  });
});

test('a moment is one fire, on the next whole second', () => {
  const [atMs, fireMs] = [at('2026-05-14T10:00:00.250'), at('2026-05-14T10:00:01')];
  const times = readTimes({ atMs }) as Times;
  expectFires(times, [fireMs], [0, fireMs]);
  expectFires(times, [], [fireMs, fireMs + DAY_MS]);
  expectFires(times, [], [0, fireMs - 1]);
});

describe('a calendar', () => {
  const off = (...days: string[]) => {
    const numbers = new Set(days.map((day) => Date.parse(day) / DAY_MS));
    return (day: number) => (numbers.has(day) ? 'off' : null);
  };

  test('interrupts an interval on the days of its zone', () => {
    const times = timesOf({
      everyMs: 6 * HOUR_MS,
      anchorMs: at('2026-05-13T22:00'),
      timezone: 'Asia/Shanghai',
      dayFilter: off('2026-05-14', '2026-05-15'),
    });
    const fires = [at('2026-05-15T16:00'), at('2026-05-15T22:00')];
    expectFires(times, fires, [at('2026-05-13T21:00'), at('2026-05-15T23:00')]);
  });

  test('that has each day off leaves no fire, and nothing hangs', () => {
    const never = timesOf({ everyMs: SECOND_MS, anchorMs: 0, dayFilter: () => 'off' });
    expectFires(never, [], [at('2026-05-13T22:00'), at('2026-06-13T22:00')]);
    const sundays = (day: number) => (day % 7 === 3 ? 'off' : null);
    const weekly = timesOf({ everyMs: 7 * DAY_MS, anchorMs: at('2026-05-17T00:00'), dayFilter: sundays });
    expect(weekly.next(at('2026-05-17T00:00'))).toBeNull();
    expect(weekly.previous(at('2036-05-17T00:00'), 0)).toBeNull();
    const cron = {
      cron: '0 0 29 2 *',
      dialect: 'unix',
      timezone: 'UTC',
      dayFilter: () => 'off' as const,
    } as const;
    expect((readTimes(cron) as Times).next(at('2026-05-17T00:00'))).toBeNull();
  });

  test('leaves out the same fires as a walk does, also where a clock is set', () => {
    const changes = ['America/New_York', 'America/Sao_Paulo', 'Asia/Gaza', 'Pacific/Apia'].flatMap(
      (timezone) =>
        changesOf(offsetsOf(timezone), Date.UTC(2011, 0), Date.UTC(2019, 0)).map(({ atMs }) => ({
          timezone,
          atMs,
        })),
    );
    const seconds = fc.integer({ min: 1, max: 3 * 86_400 });
    const check = ({ timezone, atMs }: (typeof changes)[number], every: number, [seed, shift]: number[]) => {
      const [afterMs, toMs] = [atMs - 5 * DAY_MS - 1, atMs + 5 * DAY_MS];
      const everyMs = Math.max(every, 600) * SECOND_MS;
      const anchorMs = afterMs + 1 - ((shift ?? 0) % 86_400) * SECOND_MS;
      const dayFilter = (day: number) => ((day + (seed ?? 0)) % 5 < 2 ? ('off' as const) : null);
      const offsets = offsetsOf(timezone);
      const fires: number[] = [];
      for (let ms = anchorMs; ms <= toMs; ms += everyMs)
        if (ms > afterMs && dayFilter(Math.floor((ms + offsets(ms)) / DAY_MS)) === null) fires.push(ms);
      expectFires(timesOf({ everyMs, anchorMs, timezone, dayFilter }), fires, [afterMs, toMs]);
    };
    const numbers = fc.array(fc.nat(), { minLength: 2, maxLength: 2 });
    fc.assert(fc.property(fc.constantFrom(...changes), seconds, numbers, check), { seed: 15, numRuns: 100 });
  });
});
