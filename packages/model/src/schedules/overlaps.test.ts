import { describe, expect, test } from 'vitest';
import { Bench, HOUR_MS, MINUTE_MS, multiplesOf, SECOND_MS, START_MS } from '../../test/schedules.ts';
import type { ScheduleSpec } from './spec.ts';

const withOverlap = (overlap: ScheduleSpec['overlap'], fields: Partial<ScheduleSpec> = {}) =>
  new Bench(multiplesOf(MINUTE_MS), { overlap, ...fields });

describe('a fire while a run is not final', () => {
  test('is made with `allow`', () => {
    const bench = withOverlap('allow');
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
    expect(bench.ledger?.open).toHaveLength(2);
  });

  test('is left out with `skip`, and the next one after the end is made', () => {
    const bench = withOverlap('skip');
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['skipped_overlap 1 120-120']);
    expect(bench.nextLookMs).toBe(3 * MINUTE_MS);
    expect(bench.end(150 * SECOND_MS)).toBe(false);
    expect(bench.look(3 * MINUTE_MS)).toEqual(['fired 180']);
  });

  test('is left out with `skip` although it is made up for: one run at a time', () => {
    const bench = withOverlap('skip', { misfire: { policy: 'catch_up', graceMs: MINUTE_MS, limit: 3 } });
    expect(bench.look(10 * MINUTE_MS)).toEqual([
      'skipped_misfire 5 60-300',
      'skipped_overlap 4 420-600',
      'caught_up 360',
    ]);
  });

  test('waits with `queue`: one run after the other, in order', () => {
    const bench = withOverlap('queue');
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.look(3 * MINUTE_MS)).toEqual([]);
    expect(bench.ledger?.waiting).toEqual([START_MS + 2 * MINUTE_MS, START_MS + 3 * MINUTE_MS]);
    expect(bench.end(200 * SECOND_MS)).toBe(true);
    expect(bench.look(200 * SECOND_MS)).toEqual(['queued 120']);
    expect(bench.look(4 * MINUTE_MS)).toEqual([]);
    expect(bench.end(250 * SECOND_MS)).toBe(true);
    expect(bench.look(250 * SECOND_MS)).toEqual(['queued 180']);
    expect(bench.ledger).toMatchObject({ runs: 3, waiting: [START_MS + 4 * MINUTE_MS] });
  });

  test('is left out with `queue` when ten wait', () => {
    const bench = withOverlap('queue');
    bench.look(MINUTE_MS);
    for (let i = 2; i <= 11; i += 1) expect(bench.look(i * MINUTE_MS)).toEqual([]);
    expect(bench.look(12 * MINUTE_MS)).toEqual(['skipped_overlap 1 720-720']);
    expect(bench.ledger?.waiting).toHaveLength(10);
  });

  test('waits with `replace` in place of the one that waits', () => {
    const bench = withOverlap('replace');
    bench.look(MINUTE_MS);
    expect(bench.look(2 * MINUTE_MS)).toEqual([]);
    expect(bench.look(3 * MINUTE_MS)).toEqual(['replaced 1 120-120']);
    expect(bench.look(5 * MINUTE_MS)).toEqual(['replaced 2 180-240']);
    expect(bench.end(310 * SECOND_MS)).toBe(true);
    expect(bench.look(310 * SECOND_MS)).toEqual(['queued 300']);
    expect(bench.ledger).toMatchObject({ runs: 2, waiting: [] });
  });

  test('is not hindered by a run that a person asked for', () => {
    const bench = withOverlap('skip');
    bench.look(0);
    const manual = { id: 'm', fireMs: START_MS, deadlineMs: START_MS + HOUR_MS, isManual: true } as const;
    bench.ledger = { ...bench.ledger!, open: [manual] };
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.ledger?.open).toHaveLength(2);
  });

  test('waits for the last of its shards', () => {
    const bench = withOverlap('queue', { shards: 2 });
    bench.look(2 * MINUTE_MS);
    const { open } = bench.ledger!;
    bench.ledger = { ...bench.ledger!, open: open.slice(1) };
    expect(bench.look(130 * SECOND_MS)).toEqual([]);
    bench.ledger = { ...bench.ledger, open: open.slice(0, 1) };
    expect(bench.end(140 * SECOND_MS)).toBe(true);
    expect(bench.look(140 * SECOND_MS)).toEqual(['queued 120']);
  });
});

describe('runs', () => {
  test('that are waited for are looked at every 5 s, others a minute after their deadline', () => {
    const bench = new Bench(multiplesOf(24 * HOUR_MS), {
      overlap: 'skip',
    });
    const atMs = 14 * HOUR_MS;
    expect(bench.look(atMs)).toEqual(['fired 50400']);
    expect(bench.nextLookMs).toBe(atMs + HOUR_MS);
    bench.look(atMs + HOUR_MS);
    expect(bench.nextLookMs).toBe(atMs + HOUR_MS + MINUTE_MS);
    bench.ledger = { ...bench.ledger!, waiting: [START_MS] };
    bench.look(atMs + 2 * HOUR_MS);
    expect(bench.nextLookMs).toBe(atMs + 2 * HOUR_MS + 5 * SECOND_MS);
  });

  test('need no look of their own where the next fire is no further away than twice their time', () => {
    const bench = new Bench(multiplesOf(2 * HOUR_MS), { overlap: 'skip' });
    expect(bench.look(2 * HOUR_MS)).toEqual(['fired 7200']);
    expect(bench.nextLookMs).toBe(4 * HOUR_MS);
    // An hour is left until the next fire, and they are overdue.
    bench.look(3 * HOUR_MS);
    expect(bench.nextLookMs).toBe(3 * HOUR_MS + MINUTE_MS);
  });

  test('of a paused schedule are looked at at their deadline', () => {
    const bench = new Bench(multiplesOf(2 * HOUR_MS), { overlap: 'skip' });
    bench.look(2 * HOUR_MS);
    bench.isPaused = true;
    bench.look(2 * HOUR_MS + MINUTE_MS);
    expect(bench.nextLookMs).toBe(3 * HOUR_MS);
  });

  test('are kept up to 64, and the newest fire keeps all of its tasks', () => {
    const bench = withOverlap('allow', { shards: 40 });
    bench.look(MINUTE_MS);
    bench.look(2 * MINUTE_MS);
    const fires = bench.ledger!.open.map(({ fireMs }) => fireMs - START_MS);
    expect(fires).toEqual([...Array<number>(24).fill(MINUTE_MS), ...Array<number>(40).fill(2 * MINUTE_MS)]);
  });

  test('of `queue` count for max_runs while they wait', () => {
    const bench = withOverlap('queue', { maxRuns: 2 });
    expect(bench.look(5 * MINUTE_MS)).toEqual(['skipped_misfire 2 60-120', 'caught_up 180']);
    expect(bench.ledger).toMatchObject({ waiting: [START_MS + 4 * MINUTE_MS], nextFireMs: null });
    bench.end(310 * SECOND_MS);
    expect(bench.look(310 * SECOND_MS)).toEqual(['queued 240']);
    expect(bench.ledger).toMatchObject({ runs: 2, nextFireMs: null });
  });
});

describe('an edit of the overlap', () => {
  test('to `allow` starts all that wait', () => {
    const bench = withOverlap('queue');
    bench.look(3 * MINUTE_MS);
    expect(bench.ledger?.waiting).toHaveLength(2);
    bench.edit({ overlap: 'allow' }, 190 * SECOND_MS);
    expect(bench.look(190 * SECOND_MS)).toEqual(['queued 120', 'queued 180']);
  });

  test('to `replace` keeps the newest of those that wait', () => {
    const bench = withOverlap('queue');
    bench.look(MINUTE_MS);
    bench.look(3 * MINUTE_MS);
    bench.edit({ overlap: 'replace' }, 190 * SECOND_MS);
    expect(bench.look(190 * SECOND_MS)).toEqual(['replaced 1 120-120']);
    expect(bench.ledger?.waiting).toEqual([START_MS + 3 * MINUTE_MS]);
  });

  test('to `skip` runs one after another what waits, and leaves out the rest', () => {
    const bench = withOverlap('queue');
    bench.look(MINUTE_MS);
    bench.look(3 * MINUTE_MS);
    bench.edit({ overlap: 'skip' }, 190 * SECOND_MS);
    expect(bench.end(200 * SECOND_MS)).toBe(true);
    expect(bench.look(200 * SECOND_MS)).toEqual(['queued 120']);
    expect(bench.look(4 * MINUTE_MS)).toEqual(['skipped_overlap 1 240-240']);
    bench.end(250 * SECOND_MS);
    expect(bench.look(250 * SECOND_MS)).toEqual(['queued 180']);
  });

  test('of max_runs below what is made leaves out what waits', () => {
    const bench = withOverlap('queue');
    bench.look(MINUTE_MS);
    bench.look(3 * MINUTE_MS);
    bench.edit({ maxRuns: 1 }, 190 * SECOND_MS);
    bench.end(200 * SECOND_MS);
    expect(bench.look(200 * SECOND_MS)).toEqual(['skipped_overlap 2 120-180']);
  });
});

describe('`from: end`', () => {
  const everyMinute = (fields: Partial<ScheduleSpec> = {}) =>
    new Bench(multiplesOf(MINUTE_MS), {
      times: { kind: 'every', everyMs: MINUTE_MS, from: 'end' },
      ...fields,
    });

  test('counts from the end of the last run, and the first one from the anchor', () => {
    const bench = everyMinute();
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.look(5 * MINUTE_MS)).toEqual([]);
    expect(bench.ledger).toMatchObject({ nextFireMs: null });
    expect(bench.nextLookMs).toBe(5 * MINUTE_MS + 5 * SECOND_MS);
    expect(bench.end(310_500)).toBe(true);
    expect(bench.look(310_600)).toEqual([]);
    expect(bench.nextLookMs).toBe(371 * SECOND_MS);
    expect(bench.look(371 * SECOND_MS)).toEqual(['fired 371']);
  });

  test('makes a fire whose run was found to have ended long ago', () => {
    const bench = everyMinute();
    bench.look(MINUTE_MS);
    bench.look(4 * MINUTE_MS);
    bench.end(3 * MINUTE_MS - 1);
    expect(bench.look(4 * MINUTE_MS + SECOND_MS)).toEqual(['fired 240']);
  });

  test('has one misfire, however long nobody looked, and goes on from there', () => {
    const bench = everyMinute({ misfire: { policy: 'skip', graceMs: MINUTE_MS, limit: 10 } });
    bench.look(MINUTE_MS);
    bench.end(90 * SECOND_MS);
    expect(bench.look(HOUR_MS)).toEqual(['skipped_misfire 1 150-150']);
    expect(bench.look(HOUR_MS + MINUTE_MS - 1)).toEqual([]);
    expect(bench.look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3660']);
  });

  test('makes that misfire with fire_once and catch_up', () => {
    for (const policy of ['fire_once', 'catch_up'] as const) {
      const bench = everyMinute({ misfire: { policy, graceMs: MINUTE_MS, limit: 10 } });
      expect(bench.look(HOUR_MS)).toEqual(['caught_up 60']);
      expect(bench.look(2 * HOUR_MS)).toEqual([]);
    }
  });

  test('leaves out what skip_next says, an interval apart', () => {
    const bench = everyMinute({ skipNext: 2 });
    expect(bench.look(MINUTE_MS)).toEqual(['skipped_next 1 60-60']);
    expect(bench.look(MINUTE_MS + SECOND_MS)).toEqual([]);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['skipped_next 1 120-120']);
    expect(bench.look(3 * MINUTE_MS)).toEqual(['fired 180']);
  });

  test('counts anew from a resume after its time', () => {
    const bench = everyMinute();
    bench.look(MINUTE_MS);
    bench.end(80 * SECOND_MS);
    bench.look(80 * SECOND_MS);
    bench.edit({ plannedFromMs: START_MS + HOUR_MS }, HOUR_MS);
    expect(bench.look(HOUR_MS)).toEqual([]);
    expect(bench.look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3660']);
  });

  test('lies at or after the start and before the end', () => {
    const bench = everyMinute({
      startsAtMs: START_MS + HOUR_MS,
      endsAtMs: START_MS + HOUR_MS + 90 * SECOND_MS,
    });
    expect(bench.look(MINUTE_MS)).toEqual([]);
    expect(bench.look(HOUR_MS)).toEqual(['fired 3600']);
    bench.end(HOUR_MS + 10 * SECOND_MS);
    expect(bench.look(HOUR_MS + 70 * SECOND_MS)).toEqual(['fired 3670']);
    bench.end(HOUR_MS + 75 * SECOND_MS);
    expect(bench.look(2 * HOUR_MS)).toEqual([]);
    expect(bench.nextLookMs).toBeNull();
  });
});
