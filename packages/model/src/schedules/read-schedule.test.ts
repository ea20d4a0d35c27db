import { describe, expect, test } from 'vitest';
import { aSpec, HOUR_MS, MINUTE_MS, NO_TASK, START_MS } from '../../test/schedules.ts';
import type { Times } from '../cron/reading.ts';
import { movedTask, neverFires, readSchedule, timesOf, type ReadOptions } from './read-schedule.ts';

const CRON = { id: 'daily-report', cron: '30 8 * * mon-fri', task: { type: 'report' } };
const options = { nowMs: START_MS } as const;
const settingsOf = (value: object, more: Partial<ReadOptions> = {}) =>
  readSchedule(value, { ...options, ...more }).settings;
/** The faults of `CRON` with other fields. */
const faultsOf = (fields: object, more: Partial<ReadOptions> = {}) =>
  readSchedule({ ...CRON, ...fields }, { ...options, ...more }).faults.map(
    ({ path, got, expected }) => `${path.join('.')}: ${got} → ${expected}`,
  );

describe('a schedule', () => {
  test('is completed with defaults', () => {
    expect(settingsOf(CRON)).toEqual({
      id: 'daily-report',
      name: null,
      owner: null,
      businessId: null,
      times: { kind: 'cron', cron: '30 8 * * mon-fri', dialect: 'unix' },
      timezone: 'UTC',
      calendar: null,
      startsAtMs: null,
      endsAtMs: null,
      skipNext: 0,
      jitterMs: 0,
      maxRuns: null,
      shards: 1,
      misfire: { policy: 'fire_once', graceMs: MINUTE_MS, limit: 10 },
      overlap: 'allow',
    });
  });

  test('is read in all of its fields, in the words of the API and of the library', () => {
    const inApi = {
      id: 'r',
      name: 'Report',
      owner: 'finance',
      business_id: 'shop-a',
      every: '15m',
      from: 'start',
      timezone: 'Asia/Shanghai',
      calendar: 'cn',
      starts_at: START_MS,
      ends_at: START_MS + HOUR_MS,
      skip_next: 1,
      jitter: '5s',
      max_runs: 3,
      shards: 8,
      misfire: { policy: 'catch_up', grace: '5m', limit: 20 },
      overlap: 'queue',
      task: {},
    };
    const read = settingsOf(inApi);
    expect(read).toMatchObject({ businessId: 'shop-a', skipNext: 1, jitterMs: 5_000, maxRuns: 3 });
    expect(read?.misfire).toEqual({ policy: 'catch_up', graceMs: 300_000, limit: 20 });
    const { business_id: businessId, skip_next: skipNext, max_runs: maxRuns, ends_at: end, ...rest } = inApi;
    const { starts_at: _, ...same } = rest;
    const library = {
      ...same,
      businessId,
      skipNext,
      maxRuns,
      startsAt: new Date(START_MS),
      endsAt: new Date(end),
      every: 900_000,
    };
    expect(settingsOf(library, { words: 'library' })).toEqual(read);
  });

  test('takes null for what is left out, as answers have it', () => {
    const empty = { name: null, every: null, starts_at: null, misfire: null, max_runs: null };
    expect(settingsOf({ ...CRON, ...empty })).toEqual(settingsOf(CRON));
  });

  test('of one time is rounded up to a second, as nothing fires early', () => {
    const at = new Date(START_MS + 1);
    expect(settingsOf({ id: 'x', at, task: {} })?.times).toEqual({ kind: 'at', atMs: START_MS + 1_000 });
  });
});

describe('what is wrong', () => {
  test.each<[object, string]>([
    [{ id: 'Daily' }, 'id: Daily → 1 to 64 of a-z 0-9 _ -, the first one a letter or a digit'],
    [{ id: undefined }, 'id: null → 1 to 64 of a-z 0-9 _ -, the first one a letter or a digit'],
    [
      { id: 'x'.repeat(65) },
      `id: ${'x'.repeat(64)} → 1 to 64 of a-z 0-9 _ -, the first one a letter or a digit`,
    ],
    [{ owner: ' ' }, 'owner:   → a text of 1 to 128 characters that is not blank'],
    [{ cron: undefined }, 'cron: null → one of cron, every, at'],
    [{ every: '1m' }, 'every: 1m → left out beside cron: a schedule has one of cron, every, at'],
    [{ cron: undefined, every: '1500ms' }, 'every: 1500ms → whole seconds, at least one'],
    [{ cron: undefined, every: '5ms' }, 'every: 5ms → a duration from 1s to 3653d'],
    [
      { cron: '* * * * 8' },
      'cron: * * * * 8 → a cron text whose field "day of week" has values from 0 to 7, or sun to sat; Sunday is 0 or 7',
    ],
    [{ dialect: 'asynq' }, 'dialect: asynq → unix, quartz'],
    [{ from: 'end' }, 'from: end → nothing without every'],
    [
      { timezone: 'Nowhere/Else' },
      'timezone: Nowhere/Else → the IANA name of a time zone, such as "Asia/Shanghai"',
    ],
    [
      { calendar: 'CN' },
      'calendar: CN → the ID of a calendar: 1 to 64 of a-z 0-9 _ -, the first one a letter or a digit',
    ],
    [
      { cron: undefined, every: '1m', from: 'end', calendar: 'cn' },
      'calendar: cn → nothing with `at` or `from: end`',
    ],
    [{ starts_at: '2026-11-24' }, 'starts_at: 2026-11-24 → a time between 2000 and ten years from now'],
    [
      { starts_at: START_MS, ends_at: new Date(START_MS) },
      'ends_at: 2026-05-14T10:00:00.000Z → a time after starts_at',
    ],
    [{ skip_next: 1_001 }, 'skip_next: 1001 → a whole number from 0 to 1000'],
    [{ jitter: '25h' }, 'jitter: 25h → a duration from 0s to 1d'],
    [{ max_runs: 0 }, 'max_runs: 0 → a whole number from 1 to 1000000000'],
    [{ shards: 65 }, 'shards: 65 → a whole number from 1 to 64'],
    [{ shards: 1.5 }, 'shards: 1.5 → a whole number from 1 to 64'],
    [{ misfire: { limit: 1_001 } }, 'misfire.limit: 1001 → a whole number from 1 to 1000'],
    [{ misfire: { grace: '0s' } }, 'misfire.grace: 0s → a duration from 1s to 7d'],
    [{ misfire: { polcy: 'skip' } }, 'misfire.polcy: null → no such field; did you mean policy?'],
    [{ misfire: 'skip' }, 'misfire: skip → an object'],
    [
      { overlap: 'cancel_running' },
      'overlap: cancel_running → allow, skip, queue, replace: cancel_running is not built yet',
    ],
    [{ overlap: 'none' }, 'overlap: none → allow, skip, queue, replace'],
    [JSON.parse('{"then":["other"]}') as object, 'then: null → nothing: it is not built yet'],
    [{ backfill: {} }, 'backfill: null → nothing: it is not built yet'],
    [{ timezon: 'UTC' }, 'timezon: null → no such field; did you mean timezone?'],
    [{ task: undefined }, 'task: null → the task that each fire submits'],
    [{ task: { id: 'x' } }, 'task.id: x → nothing: each fire has its own'],
    [{ task: { run_at: 1 } }, 'task.run_at: 1 → nothing: each fire has its own'],
  ])('%j is told with its place (case %#)', (fields, fault) => expect(faultsOf(fields)).toEqual([fault]));

  test('is told all at once', () => {
    expect(faultsOf({ shards: 0, overlap: 'no', misfire: { limit: 0 } })).toHaveLength(3);
  });

  test('is told in the words of the library', () => {
    expect(faultsOf({ max_runs: 1 }, { words: 'library' })).toEqual([
      'max_runs: null → no such field; did you mean maxRuns?',
    ]);
    expect(faultsOf({ maxRuns: 0 }, { words: 'library' })).toEqual([
      'maxRuns: 0 → a whole number from 1 to 1000000000',
    ]);
  });

  test.each([null, undefined, [], 'cron', 7, new Map()])('%j is no schedule', (value) => {
    expect(readSchedule(value, options)).toMatchObject({ settings: null });
  });
});

describe('a schedule that can never fire', () => {
  const faultOf = (fields: Parameters<typeof aSpec>[0]) => {
    const spec = aSpec(fields);
    return neverFires(spec, timesOf(spec) as Times);
  };

  test('is told: its time is over, or lies outside its bounds', () => {
    expect(faultOf({ times: { kind: 'at', atMs: START_MS } })).toEqual({
      path: ['at'],
      got: '2026-05-14T10:00:00.000Z',
      expected: 'a time that lies ahead',
    });
    expect(faultOf({ times: { kind: 'at', atMs: START_MS + 1_000 } })).toBeNull();
    const times = { kind: 'cron', cron: '0 12 * * *', dialect: 'unix' } as const;
    expect(faultOf({ times, endsAtMs: START_MS + 2 * HOUR_MS })).toMatchObject({ path: ['cron'] });
    expect(faultOf({ times, endsAtMs: START_MS + 2 * HOUR_MS + 1 })).toBeNull();
  });

  test('is taken if it has fired, and is put again as it was', () => {
    const spec = aSpec({ times: { kind: 'at', atMs: START_MS + 1_000 }, updatedMs: START_MS + HOUR_MS });
    expect(neverFires(spec, timesOf(spec) as Times)).toBeNull();
  });

  test('because of its calendar is told', () => {
    const spec = aSpec({ times: { kind: 'cron', cron: '0 0 1 1 *', dialect: 'unix' } });
    expect(neverFires(spec, timesOf(spec, () => 'off') as Times)).toMatchObject({ path: ['cron'] });
  });
});

test('an interval counts from the start, else from the creation, on whole seconds', () => {
  const times = { kind: 'every', everyMs: 90_000, from: 'start' } as const;
  const first = (fields: Parameters<typeof aSpec>[0]) => {
    const spec = aSpec({ times, createdMs: START_MS + 700, ...fields });
    return ((timesOf(spec) as Times).next(START_MS + 700) ?? 0) - START_MS;
  };
  expect(first({})).toBe(90_000);
  expect(first({ updatedMs: START_MS + HOUR_MS, plannedFromMs: START_MS + HOUR_MS })).toBe(90_000);
  // Made while the clock was ahead: the phase stays.
  expect(first({ createdMs: START_MS + 700 + 1_000 * 90_000 })).toBe(90_000);
  expect(first({ startsAtMs: START_MS + 5_500 })).toBe(6_000);
});

test('the queue and the kind of a schedule do not change, and it is told why', () => {
  const task = (queue: string) => ({ ...NO_TASK, queue });
  expect(movedTask(task('orders'), task('orders'))).toBeNull();
  const why = 'queue and kind of a schedule never change. For others, make another schedule';
  expect(movedTask(task('orders'), task('low~cb'))).toEqual({
    path: ['task', 'queue'],
    got: 'low',
    expected: `orders: ${why}`,
  });
  expect(movedTask(task('orders'), task('orders~cb'))).toEqual({
    path: ['task'],
    got: 'a callback task',
    expected: `a handler task: ${why}`,
  });
});
