import { describe, expect, test } from 'vitest';
import { aSpec, Bench, HOUR_MS, MINUTE_MS, multiplesOf, SECOND_MS, START_MS } from '../../test/schedules.ts';
import { planFires } from './plan-fires.ts';

const DAY_MS = 24 * HOUR_MS;
const minutely = () => multiplesOf(MINUTE_MS);
const secondly = () => multiplesOf(SECOND_MS);

describe('a fire', () => {
  test('is made when it is due, once, and the next look is at the next one', () => {
    const bench = new Bench(minutely());
    expect(bench.look(10 * SECOND_MS)).toEqual([]);
    expect(bench.nextLookMs).toBe(MINUTE_MS);
    expect(bench.look(MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.look(MINUTE_MS)).toEqual([]);
    expect(bench.ledger).toMatchObject({ runs: 1, lastFireMs: START_MS + MINUTE_MS });
    expect(bench.nextLookMs).toBe(2 * MINUTE_MS);
  });

  test('is not made for the moment of its creation', () => {
    expect(new Bench(minutely()).look(0)).toEqual([]);
  });

  test('lies at or after the start and before the end', () => {
    const [startsAtMs, endsAtMs] = [START_MS + 2 * MINUTE_MS, START_MS + 4 * MINUTE_MS];
    const bench = new Bench(minutely(), { startsAtMs, endsAtMs });
    expect(bench.look(0)).toEqual([]);
    expect(bench.nextLookMs).toBe(2 * MINUTE_MS);
    expect(bench.look(MINUTE_MS)).toEqual([]);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
    expect(bench.look(4 * MINUTE_MS)).toEqual(['fired 180']);
    expect(bench.plan).toMatchObject({ ledger: { nextFireMs: null } });
    expect(bench.look(5 * MINUTE_MS)).toEqual([]);
  });

  test('has a task for each shard', () => {
    const bench = new Bench(minutely(), { shards: 64 });
    bench.look(MINUTE_MS);
    expect(bench.plan?.fires).toMatchObject([{ tasks: 64 }]);
    expect(bench.ledger?.open).toHaveLength(64);
  });
});

describe('a misfire', () => {
  test.each(['skip', 'fire_once', 'catch_up'] as const)(
    'is none within grace: with %s all of these fires are made, late',
    (policy) => {
      const bench = new Bench(multiplesOf(20 * SECOND_MS), {
        misfire: { policy, graceMs: MINUTE_MS, limit: 10 },
      });
      expect(bench.look(70 * SECOND_MS)).toEqual(['fired 20', 'fired 40', 'fired 60']);
    },
  );

  test('is still none at the end of grace', () => {
    const misfire = { policy: 'skip', graceMs: MINUTE_MS, limit: 10 } as const;
    expect(new Bench(multiplesOf(HOUR_MS), { misfire }).look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3600']);
    expect(new Bench(multiplesOf(HOUR_MS), { misfire }).look(HOUR_MS + MINUTE_MS + 1)).toEqual([
      'skipped_misfire 1 3600-3600',
    ]);
  });

  test.each([
    ['skip', ['skipped_misfire 8 60-480', 'fired 540', 'fired 600']],
    ['fire_once', ['skipped_misfire 7 60-420', 'caught_up 480', 'fired 540', 'fired 600']],
    [
      'catch_up',
      [
        'skipped_misfire 5 60-300',
        'caught_up 360',
        'caught_up 420',
        'caught_up 480',
        'fired 540',
        'fired 600',
      ],
    ],
  ] as const)('is treated by the policy: %s', (policy, expected) => {
    const bench = new Bench(minutely(), { misfire: { policy, graceMs: MINUTE_MS, limit: 3 } });
    expect(bench.look(10 * MINUTE_MS)).toEqual(expected);
    expect(bench.ledger).toMatchObject({ lastFireMs: START_MS + 10 * MINUTE_MS });
  });

  test('costs no more after three days of a fire each second, and is counted exactly', () => {
    for (const [limit, made] of [
      [1_000, 1_000 + 61],
      [10, 71],
    ] as const) {
      const times = secondly();
      const bench = new Bench(times, { misfire: { policy: 'catch_up', graceMs: MINUTE_MS, limit } });
      bench.maxTasks = 2_000;
      const seconds = (3 * DAY_MS) / SECOND_MS;
      const lines = bench.look(3 * DAY_MS);
      expect(lines).toHaveLength(made + 1);
      expect(lines[0]).toBe(`skipped_misfire ${seconds - made} 1-${seconds - made}`);
      expect(times.asked).toBeLessThan(made + 60);
    }
  });
});

describe('a plan that is full', () => {
  test('is continued at once, and makes what the first one has chosen, however long that takes', () => {
    const bench = new Bench(minutely(), {
      shards: 64,
      misfire: { policy: 'catch_up', graceMs: MINUTE_MS, limit: 3 },
    });
    bench.maxTasks = 130;
    expect(bench.look(10 * MINUTE_MS)).toEqual([
      'skipped_misfire 5 60-300',
      'caught_up 360',
      'caught_up 420',
    ]);
    expect(bench.plan).toMatchObject({ isMore: true });
    expect(bench.nextLookMs).toBe(10 * MINUTE_MS);
    // Meanwhile 540 has become older than grace.
    expect(bench.look(10 * MINUTE_MS + 30 * SECOND_MS)).toEqual(['caught_up 480', 'caught_up 540']);
    expect(bench.look(10 * MINUTE_MS + 31 * SECOND_MS)).toEqual(['fired 600']);
    expect(bench.plan).toMatchObject({ isMore: false, ledger: { graceFromMs: null } });
  });

  test('leaves no fire to the policy that was within grace', () => {
    const misfire = { policy: 'skip', graceMs: MINUTE_MS, limit: 10 } as const;
    const bench = new Bench(multiplesOf(20 * SECOND_MS), { shards: 64, misfire });
    bench.maxTasks = 130;
    expect(bench.look(70 * SECOND_MS)).toEqual(['fired 20', 'fired 40']);
    expect(bench.look(130 * SECOND_MS)).toEqual(['caught_up 60', 'fired 80']);
  });

  test('has room for one fire, however many shards that has', () => {
    const bench = new Bench(minutely(), { shards: 64 });
    bench.maxTasks = 10;
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 60']);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
  });
});

describe('skip_next', () => {
  test('leaves out that many coming fires', () => {
    const bench = new Bench(minutely(), { skipNext: 2 });
    expect(bench.look(MINUTE_MS)).toEqual(['skipped_next 1 60-60']);
    expect(bench.look(3 * MINUTE_MS)).toEqual(['skipped_next 1 120-120', 'fired 180']);
    expect(bench.ledger).toMatchObject({ skipsLeft: 0, runs: 1 });
  });

  test('counts fires that nobody has looked at in time, too', () => {
    const misfire = { policy: 'catch_up', graceMs: SECOND_MS, limit: 100 } as const;
    const bench = new Bench(secondly(), { skipNext: 500, misfire });
    const lines = bench.look(10 * MINUTE_MS);
    expect(lines.slice(0, 2)).toEqual(['skipped_next 500 1-500', 'caught_up 501']);
    expect(lines).toHaveLength(101);
  });

  test('is taken from the ledger, until it is set anew', () => {
    const bench = new Bench(minutely(), { skipNext: 1 });
    bench.look(MINUTE_MS);
    bench.edit({ owner: 'finance' }, 90 * SECOND_MS);
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 120']);
    bench.edit({ skipNext: 1, skipSetMs: START_MS + 2 * MINUTE_MS }, 2 * MINUTE_MS);
    expect(bench.look(3 * MINUTE_MS)).toEqual(['skipped_next 1 180-180']);
  });
});

describe('max_runs', () => {
  test('ends the schedule', () => {
    const bench = new Bench(minutely(), { maxRuns: 2 });
    expect(bench.look(2 * MINUTE_MS)).toEqual(['fired 60', 'fired 120']);
    expect(bench.ledger).toMatchObject({ runs: 2, nextFireMs: null });
    expect(bench.look(10 * MINUTE_MS)).toEqual([]);
  });

  test('counts no fire that is left out, and a higher one goes on from the edit', () => {
    const bench = new Bench(minutely(), { maxRuns: 1, skipNext: 1 });
    expect(bench.look(3 * MINUTE_MS)).toEqual(['skipped_next 1 60-60', 'fired 120']);
    bench.put({ maxRuns: 2 }, HOUR_MS);
    expect(bench.look(HOUR_MS)).toEqual([]);
    expect(bench.look(HOUR_MS + MINUTE_MS)).toEqual(['fired 3660']);
  });
});

describe('jitter', () => {
  const delayOf = (fields: Parameters<typeof aSpec>[0], everyMs = HOUR_MS, atMs = everyMs): number => {
    const input = {
      spec: aSpec(fields),
      revision: 1,
      isPaused: false,
      ledger: null,
      times: multiplesOf(everyMs),
    };
    return planFires(input, START_MS + atMs).fires[0]?.delayMs ?? -1;
  };

  test('is always the same for a fire, and another one for the next fire and the next schedule', () => {
    const jitterMs = 10 * MINUTE_MS;
    expect(delayOf({ jitterMs })).toBe(delayOf({ jitterMs }));
    const ids = Array.from({ length: 200 }, (_, i) => `report-${i}`);
    const delays = ids.map((id) => delayOf({ id, jitterMs }));
    expect(new Set(delays).size).toBeGreaterThan(190);
    expect(Math.min(...delays)).toBeLessThan(jitterMs / 10);
    expect(Math.max(...delays)).toBeGreaterThan((jitterMs * 9) / 10);
    expect(Math.max(...delays)).toBeLessThan(jitterMs);
    expect(delayOf({ jitterMs, businessId: 'shop-a' })).not.toBe(delayOf({ jitterMs, businessId: 'shop-b' }));
  });

  test('never reaches the next fire', () => {
    for (let i = 0; i < 200; i += 1)
      expect(delayOf({ id: `report-${i}`, jitterMs: HOUR_MS }, SECOND_MS)).toBeLessThan(SECOND_MS);
  });

  test('counts from the logical time: a late fire has less of it', () => {
    const jitterMs = 10 * MINUTE_MS;
    const delayMs = delayOf({ id: 'x', jitterMs });
    const lateMs = 20 * SECOND_MS;
    expect(delayMs).toBeGreaterThan(lateMs);
    expect(delayOf({ id: 'x', jitterMs }, HOUR_MS, HOUR_MS + lateMs)).toBe(delayMs - lateMs);
  });
});
