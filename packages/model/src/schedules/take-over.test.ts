import { describe, expect, test } from 'vitest';
import {
  Bench,
  HOUR_MS,
  MINUTE_MS,
  multiplesOf,
  NO_TASK,
  SECOND_MS,
  START_MS,
} from '../../test/schedules.ts';
import { putSpec, skipsLeftOf } from './edits.ts';
import type { PlanTimes } from './due-times.ts';

const DAY_MS = 24 * HOUR_MS;
const everyMinutes = (minutes: number) =>
  ({ kind: 'every', everyMs: minutes * MINUTE_MS, from: 'start' }) as const;
const EVERY_HOUR = { times: everyMinutes(60) };

/** Times that someone lists. */
const timesAt = (...secondsAfterStart: number[]): PlanTimes => {
  const all = secondsAfterStart.map((seconds) => START_MS + seconds * SECOND_MS);
  return {
    next: (afterMs) => all.find((ms) => ms > afterMs) ?? null,
    previous: (atMs, afterMs) => all.findLast((ms) => ms <= atMs && ms > afterMs) ?? null,
    count: (afterMs, toMs) => all.filter((ms) => ms > afterMs && ms <= toMs).length,
  };
};

describe('an edit', () => {
  test('that does not change the times leaves what is due', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.edit({ owner: 'finance' }, MINUTE_MS + 1);
    expect(bench.look(MINUTE_MS + 2)).toEqual(['fired 60']);
  });

  test('of the times plans anew from the edit on', () => {
    const bench = new Bench(multiplesOf(HOUR_MS));
    bench.look(0);
    bench.times = multiplesOf(MINUTE_MS);
    bench.edit({ plannedFromMs: START_MS + 90 * SECOND_MS }, 90 * SECOND_MS);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
  });

  test('after that leaves what the new times have had due since', () => {
    const bench = new Bench(multiplesOf(HOUR_MS));
    bench.look(0);
    bench.times = multiplesOf(MINUTE_MS);
    bench.edit({ plannedFromMs: START_MS + 90 * SECOND_MS }, 90 * SECOND_MS);
    bench.put({ owner: 'finance' }, 10 * MINUTE_MS);
    expect(bench.look(10 * MINUTE_MS)).toEqual([
      'skipped_misfire 6 120-420',
      'caught_up 480',
      'fired 540',
      'fired 600',
    ]);
  });

  test('of the times makes what was due before, and nobody has made', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.setTimes(multiplesOf(HOUR_MS), EVERY_HOUR, MINUTE_MS + 20 * SECOND_MS);
    expect(bench.look(MINUTE_MS + 50 * SECOND_MS)).toEqual(['fired 60']);
    expect(bench.nextLookMs).toBe(HOUR_MS);
    expect(bench.look(HOUR_MS)).toEqual(['fired 3600']);
  });

  test('of the times leaves older fires to the misfire policy', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.setTimes(multiplesOf(HOUR_MS), EVERY_HOUR, 10 * MINUTE_MS);
    bench.setTimes(multiplesOf(5 * MINUTE_MS), { times: everyMinutes(5) }, 20 * MINUTE_MS);
    expect(bench.look(22 * MINUTE_MS)).toEqual(['skipped_misfire 9 60-540', 'caught_up 600']);
    expect(bench.look(25 * MINUTE_MS)).toEqual(['fired 1500']);
  });

  test('of the times before the first look drops nothing', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.setTimes(multiplesOf(HOUR_MS), EVERY_HOUR, MINUTE_MS);
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
  });

  test('to `from: end` counts from the run that was due before', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.setTimes(
      multiplesOf(MINUTE_MS),
      { times: { kind: 'every', everyMs: MINUTE_MS, from: 'end' } },
      61_000,
    );
    expect(bench.look(62_000)).toEqual(['fired 60']);
    bench.end(90_000);
    expect(bench.look(90_000)).toEqual([]);
    expect(bench.look(150_000)).toEqual(['fired 150']);
  });

  test('forgets former times once nothing of them is left', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(MINUTE_MS);
    bench.setTimes(multiplesOf(HOUR_MS), EVERY_HOUR, MINUTE_MS);
    expect(bench.spec.former).toBeUndefined();
    bench.setTimes(multiplesOf(MINUTE_MS), { times: everyMinutes(1) }, MINUTE_MS + 1);
    expect(bench.spec.former).toHaveLength(1);
    bench.look(2 * MINUTE_MS);
    bench.put({ owner: 'finance' }, 2 * MINUTE_MS);
    expect(bench.spec.former).toBeUndefined();
  });

  test('of an ended schedule makes up for nothing', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), { endsAtMs: START_MS + MINUTE_MS });
    expect(bench.look(MINUTE_MS)).toEqual([]);
    bench.edit({ endsAtMs: null, plannedFromMs: START_MS + HOUR_MS }, HOUR_MS);
    expect(bench.look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3660']);
  });
});

describe('a pause', () => {
  test('makes nothing, and what falls into it is no misfire', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.pause(30 * SECOND_MS);
    expect(bench.look(MINUTE_MS)).toEqual([]);
    expect(bench.nextLookMs).toBeNull();
    bench.resume(HOUR_MS);
    expect(bench.look(HOUR_MS)).toEqual([]);
    expect(bench.look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3660']);
  });

  test('leaves out what nobody had made before, in one line', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.pause(2 * MINUTE_MS + 1);
    bench.resume(5 * MINUTE_MS);
    expect(bench.look(6 * MINUTE_MS)).toEqual(['skipped_misfire 2 60-120', 'fired 360']);
  });

  test('with an edit of its times leaves out what was due before both', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    bench.pause(MINUTE_MS);
    bench.setTimes(multiplesOf(HOUR_MS), EVERY_HOUR, 3 * MINUTE_MS);
    bench.resume(5 * MINUTE_MS);
    expect(bench.look(HOUR_MS)).toEqual(['skipped_misfire 1 60-60', 'fired 3600']);
  });

  test('of a new schedule is no reason to forget it', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.isPaused = true;
    expect(bench.look(0)).toEqual([]);
    bench.isPaused = false;
    bench.edit({ plannedFromMs: START_MS + MINUTE_MS }, MINUTE_MS);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
  });

  test('starts nothing that waits, and looks for the ends of runs at their deadlines', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), { overlap: 'queue' });
    bench.look(2 * MINUTE_MS);
    bench.isPaused = true;
    bench.edit({}, 2 * MINUTE_MS);
    bench.look(2 * MINUTE_MS);
    expect(bench.nextLookMs).toBe(2 * MINUTE_MS + 5 * SECOND_MS);
    bench.end(3 * MINUTE_MS);
    expect(bench.look(3 * MINUTE_MS)).toEqual([]);
    bench.isPaused = false;
    bench.edit({ plannedFromMs: START_MS + HOUR_MS }, HOUR_MS);
    expect(bench.look(HOUR_MS)).toEqual(['queued 120']);
  });
});

describe('a calendar that is edited', () => {
  const atMs = 2 * HOUR_MS;

  test('makes up for no time that was none', () => {
    const bench = new Bench(timesAt(3_600, 10_800));
    bench.look(HOUR_MS);
    bench.times = timesAt(3_600, 5_400, 10_800);
    bench.calendar = { version: 1, changedMs: START_MS + atMs };
    expect(bench.look(atMs + SECOND_MS)).toEqual([]);
    expect(bench.look(3 * HOUR_MS)).toEqual(['fired 10800']);
  });

  test('takes back what is planned', () => {
    const bench = new Bench(timesAt(3_600, 10_800, 18_000));
    bench.look(HOUR_MS);
    bench.times = timesAt(3_600, 18_000);
    bench.calendar = { version: 1, changedMs: START_MS + atMs };
    bench.look(atMs);
    expect(bench.ledger).toMatchObject({ nextFireMs: START_MS + 18_000 * SECOND_MS });
    expect(bench.look(3 * HOUR_MS)).toEqual([]);
  });

  test('leaves what was due before, and nobody has made', () => {
    const bench = new Bench(timesAt(3_600, 7_200));
    bench.look(0);
    bench.times = timesAt(1_800, 3_600, 5_400, 7_200);
    bench.calendar = { version: 1, changedMs: START_MS + HOUR_MS + 300 };
    expect(bench.look(HOUR_MS + SECOND_MS)).toEqual(['fired 3600']);
  });
});

test('a calendar that is edited after the times leaves what these have had due since', () => {
  const bench = new Bench(multiplesOf(HOUR_MS));
  bench.look(0);
  bench.times = multiplesOf(MINUTE_MS);
  bench.edit({ plannedFromMs: START_MS + 90 * SECOND_MS }, 90 * SECOND_MS);
  bench.calendar = { version: 1, changedMs: START_MS + 10 * MINUTE_MS };
  expect(bench.look(10 * MINUTE_MS)).toContain('fired 600');
});

describe('a clock that is set back', () => {
  test('by minutes makes no fire twice', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(HOUR_MS);
    expect(bench.look(HOUR_MS - 30 * MINUTE_MS)).toEqual([]);
    expect(bench.plan).toMatchObject({ setBackMs: 0 });
    expect(bench.look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3660']);
  });

  test('by hours does not leave the schedule asleep: it is planned anew, and says so', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(5 * HOUR_MS);
    expect(bench.look(10 * SECOND_MS)).toEqual([]);
    expect(bench.plan).toMatchObject({ setBackMs: 5 * HOUR_MS - 10 * SECOND_MS });
    expect(bench.nextLookMs).toBe(MINUTE_MS);
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.plan).toMatchObject({ setBackMs: 0 });
  });

  test('does not fire a daily schedule twice for a few hours', () => {
    const bench = new Bench(multiplesOf(DAY_MS));
    expect(bench.look(14 * HOUR_MS)).toEqual(['fired 50400']);
    expect(bench.look(10 * HOUR_MS)).toEqual([]);
    expect(bench.plan).toMatchObject({ setBackMs: 0 });
    expect(bench.look(14 * HOUR_MS)).toEqual([]);
  });

  test('starts no fire that waits before its time', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), { overlap: 'queue' });
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 60']);
    bench.end(2 * MINUTE_MS - 1);
    expect(bench.look(2 * MINUTE_MS - 1)).toEqual([]);
    expect(bench.nextLookMs).toBe(2 * MINUTE_MS);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['queued 120']);
  });

  test('by hours forgets what waits for then, which is planned anew', () => {
    const bench = new Bench(multiplesOf(HOUR_MS), { overlap: 'queue' });
    bench.look(4 * HOUR_MS);
    bench.look(5 * HOUR_MS);
    expect(bench.ledger?.waiting).toHaveLength(2);
    bench.end(5 * HOUR_MS);
    expect(bench.look(MINUTE_MS)).toEqual([]);
    expect(bench.ledger?.waiting).toEqual([]);
    expect(bench.look(HOUR_MS)).toEqual(['fired 3600']);
  });

  test('does not repeat a fire of `from: end` whose run has ended before it', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), {
      times: { kind: 'every', everyMs: MINUTE_MS, from: 'end' },
    });
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    bench.end(0);
    expect(bench.look(MINUTE_MS)).toEqual([]);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
  });

  test('leaves no `from: end` asleep either', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), {
      times: { kind: 'every', everyMs: MINUTE_MS, from: 'end' },
    });
    bench.look(5 * HOUR_MS);
    bench.end(5 * HOUR_MS);
    bench.look(10 * SECOND_MS);
    expect(bench.plan).toMatchObject({ setBackMs: 5 * HOUR_MS - 10 * SECOND_MS });
    expect(bench.look(70 * SECOND_MS)).toEqual(['fired 70']);
  });
});

describe('putting a schedule', () => {
  const put = (bench: Bench, fields: Partial<Bench['spec']>, atMs: number) =>
    putSpec(
      bench.ledger === null ? null : { spec: bench.spec, ledger: bench.ledger },
      { settings: { ...bench.spec, ...fields }, task: NO_TASK, source: 'api' },
      START_MS + atMs,
    );

  test('keeps its creation, and plans anew only if its times are others', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS));
    bench.look(0);
    expect(put(bench, { owner: 'finance' }, HOUR_MS)).toMatchObject({
      createdMs: START_MS,
      updatedMs: START_MS + HOUR_MS,
      plannedFromMs: START_MS,
    });
    const times = { kind: 'cron', cron: '0 * * * *', dialect: 'unix' } as const;
    for (const fields of [
      { times },
      { timezone: 'Asia/Shanghai' },
      { calendar: 'cn' },
      { startsAtMs: START_MS },
    ])
      expect(put(bench, fields, HOUR_MS).plannedFromMs).toBe(START_MS + HOUR_MS);
  });

  test('with the number of skips that is left changes nothing; another one is set anew', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), { skipNext: 3 });
    bench.look(MINUTE_MS);
    const stored = { spec: bench.spec, ledger: bench.ledger };
    expect(skipsLeftOf(stored)).toBe(2);
    expect(put(bench, { skipNext: 2 }, HOUR_MS).skipSetMs).toBe(START_MS);
    const spec = put(bench, { skipNext: 3 }, HOUR_MS);
    expect(skipsLeftOf({ ...stored, spec })).toBe(3);
    expect(skipsLeftOf({ ...stored, spec: put(bench, { skipNext: 0 }, 0) })).toBe(0);
  });
});
