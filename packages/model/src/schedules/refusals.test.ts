import { describe, expect, test } from 'vitest';
import { Bench, HOUR_MS, MINUTE_MS, multiplesOf, SECOND_MS, START_MS } from '../../test/schedules.ts';

const halfMinutes = () => multiplesOf(30 * SECOND_MS);

describe('a fire that the queue refuses', () => {
  test('stays due, is tried each second, and is made when there is room', () => {
    const bench = new Bench(multiplesOf(HOUR_MS));
    expect(bench.look(HOUR_MS, true)).toEqual([]);
    expect(bench.nextLookMs).toBe(HOUR_MS + SECOND_MS);
    expect(bench.ledger).toMatchObject({ runs: 0, refusedMs: START_MS + HOUR_MS });
    expect(bench.look(HOUR_MS + 50 * SECOND_MS)).toEqual(['fired 3600']);
    expect(bench.ledger).toMatchObject({ refusedMs: null });
  });

  test('is given up when its grace ends, whatever the policy', () => {
    for (const policy of ['skip', 'fire_once', 'catch_up'] as const) {
      const bench = new Bench(halfMinutes(), { misfire: { policy, graceMs: MINUTE_MS, limit: 10 } });
      for (let ms = 30 * SECOND_MS; ms <= 90 * SECOND_MS; ms += 10 * SECOND_MS)
        expect(bench.look(ms, true)).toEqual([]);
      expect(bench.look(91 * SECOND_MS, true)).toEqual(['refused 1 30-30']);
      expect(bench.look(100 * SECOND_MS)).toEqual(['fired 60', 'fired 90']);
    }
  });

  test('that the policy makes up for has a grace of its own', () => {
    const misfire = { policy: 'catch_up', graceMs: MINUTE_MS, limit: 2 } as const;
    const bench = new Bench(multiplesOf(MINUTE_MS), { misfire });
    expect(bench.look(HOUR_MS, true)).toEqual(['skipped_misfire 56 60-3360']);
    expect(bench.look(HOUR_MS + 40 * SECOND_MS, true)).toEqual([]);
    expect(bench.look(HOUR_MS + 50 * SECOND_MS)).toEqual([
      'caught_up 3420',
      'caught_up 3480',
      'caught_up 3540',
      'fired 3600',
    ]);
  });

  test('that the policy makes up for is given up after that', () => {
    const misfire = { policy: 'catch_up', graceMs: MINUTE_MS, limit: 2 } as const;
    const bench = new Bench(multiplesOf(MINUTE_MS), { misfire });
    bench.look(HOUR_MS, true);
    bench.look(HOUR_MS + 59 * SECOND_MS, true);
    expect(bench.look(HOUR_MS + 61 * SECOND_MS)).toEqual(['refused 4 3420-3600', 'fired 3660']);
  });

  test('is a misfire like any other if nobody has tried it', () => {
    const misfire = { policy: 'fire_once', graceMs: MINUTE_MS, limit: 10 } as const;
    const bench = new Bench(multiplesOf(MINUTE_MS), { misfire });
    bench.look(MINUTE_MS, true);
    expect(bench.look(5 * MINUTE_MS)).toEqual([
      'refused 1 60-60',
      'skipped_misfire 1 120-120',
      'caught_up 180',
      'fired 240',
      'fired 300',
    ]);
  });

  test('goes on waiting if it has waited for a run, and others wait behind it', () => {
    const bench = new Bench(multiplesOf(MINUTE_MS), { overlap: 'queue' });
    bench.look(2 * MINUTE_MS);
    bench.end(150 * SECOND_MS);
    expect(bench.look(3 * MINUTE_MS, true)).toEqual([]);
    expect(bench.ledger?.waiting).toEqual([START_MS + 2 * MINUTE_MS, START_MS + 3 * MINUTE_MS]);
    expect(bench.nextLookMs).toBe(3 * MINUTE_MS + SECOND_MS);
    expect(bench.look(HOUR_MS - 1)).toEqual(expect.arrayContaining(['queued 120']));
  });

  test('and has waited for a run is given up once its grace has passed since the first refusal', () => {
    const bench = new Bench(multiplesOf(20 * MINUTE_MS), { overlap: 'queue' });
    bench.look(20 * MINUTE_MS);
    bench.look(40 * MINUTE_MS);
    bench.look(HOUR_MS);
    bench.end(HOUR_MS + MINUTE_MS);
    for (let ms = HOUR_MS + MINUTE_MS; ms <= HOUR_MS + 2 * MINUTE_MS; ms += 10 * SECOND_MS)
      expect(bench.look(ms, true)).toEqual([]);
    expect(bench.look(HOUR_MS + 121 * SECOND_MS, true)).toEqual(['refused 2 2400-3600']);
    expect(bench.look(80 * MINUTE_MS, true)).toEqual([]);
    expect(bench.look(80 * MINUTE_MS + SECOND_MS)).toEqual(['fired 4800']);
  });

  test('and has waited for a run has all of its grace again once another one was made', () => {
    const bench = new Bench(multiplesOf(20 * MINUTE_MS), { overlap: 'queue' });
    bench.look(20 * MINUTE_MS);
    bench.look(40 * MINUTE_MS);
    bench.look(HOUR_MS);
    bench.end(HOUR_MS);
    expect(bench.look(HOUR_MS, true)).toEqual([]);
    expect(bench.look(HOUR_MS + 50 * SECOND_MS)).toEqual(['queued 2400']);
    bench.end(HOUR_MS + 70 * SECOND_MS);
    expect(bench.look(HOUR_MS + 70 * SECOND_MS, true)).toEqual([]);
    expect(bench.look(HOUR_MS + 80 * SECOND_MS)).toEqual(['queued 3600']);
  });

  test('counts `from: end` too, and then from when it was given up', () => {
    const times = { kind: 'every', everyMs: MINUTE_MS, from: 'end' } as const;
    const bench = new Bench(multiplesOf(MINUTE_MS), { times });
    bench.look(MINUTE_MS);
    bench.end(80 * SECOND_MS);
    expect(bench.look(140 * SECOND_MS, true)).toEqual([]);
    expect(bench.look(200 * SECOND_MS, true)).toEqual([]);
    expect(bench.look(201 * SECOND_MS, true)).toEqual(['refused 1 140-140']);
    expect(bench.look(261 * SECOND_MS)).toEqual(['fired 261']);
  });
});
