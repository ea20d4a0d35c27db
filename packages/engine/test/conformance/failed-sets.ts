import { describe, expect, test } from 'vitest';
import { SET_MS, type AggregationSet, type FailedSet } from '../../src/broker/groups.ts';
import { aTask } from '../support/factories.ts';
import { countsOf, factsOf, idsOf, recordOf, type Bench, type Harness } from './harness.ts';

const NOW = { graceMs: 0, maxDelayMs: 0, maxSize: 0 };
const STEPS = [{ queue: 'default', limit: 256 }];
const ERROR = 'planned error';

const join = (bench: Bench, ...ids: readonly string[]) =>
  bench.broker.submit.enqueue(ids.map((id) => aTask({ id, group: 'g' })));

/** Takes a set; null = no group is ready. */
async function take({ broker }: Bench): Promise<AggregationSet | null> {
  return (await broker.groups.take('default', NOW, 1, null)).sets[0] ?? null;
}

const membersOf = async ({ broker }: Bench, set: AggregationSet): Promise<string[]> =>
  idsOf((await broker.groups.read(set))?.tasks ?? []);

/** Lets a set fail, and puts its tasks back after its pause. */
async function fail(bench: Bench, set: AggregationSet): Promise<FailedSet> {
  const failed = await bench.broker.groups.fail(set, ERROR);
  if (failed.code === 'retry') await bench.advance(failed.pauseMs);
  await bench.broker.groups.reclaim(STEPS);
  return failed;
}

/** Takes sets until there are none, and fails those with the bad task. Returns the size of each set that failed. */
async function failEachWith(bench: Bench, bad: string): Promise<number[]> {
  const sizes: number[] = [];
  for (let set = await take(bench); set; set = await take(bench)) {
    const content = await bench.broker.groups.read(set);
    if (!content) throw new Error('the set is gone');
    if (idsOf(content.tasks).includes(bad)) {
      sizes.push(content.tasks.length);
      await fail(bench, set);
    } else await bench.broker.groups.finish(set, content, aTask({ id: `of ${set.id}` }));
  }
  return sizes;
}

function failing(harness: Harness): void {
  test('its tasks stay in it for a pause that grows, and then go back to their group', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b');
    const pauses: number[] = [];
    for (let i = 0; i < 2; i += 1) {
      const set = (await take(bench))!;
      const failed = await bench.broker.groups.fail(set, ERROR);
      if (failed.code !== 'retry') throw new Error(failed.code);
      pauses.push(failed.pauseMs);
      expect(await take(bench)).toBeNull();
      await bench.advance(failed.pauseMs - 1_000);
      expect(await bench.broker.groups.reclaim(STEPS)).toEqual([0]);
      await bench.advance(1_000);
      expect(await bench.broker.groups.reclaim(STEPS)).toEqual([2]);
    }
    expect(pauses).toEqual([5_000, 15_000]);
  });

  test('three times halves the sets, until the bad task fails alone and is archived with the error', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b', 'c', 'd-bad', 'e');
    expect(await failEachWith(bench, 'd-bad')).toEqual([5, 5, 5, 2, 2, 2, 1, 1, 1]);
    expect(await countsOf(bench)).toEqual({ pending: 2, archived: 1 });
    const record = await recordOf(bench, 'd-bad');
    expect(record).toMatchObject({ state: 'archived', group: 'g', lastError: { message: ERROR } });
    expect(await bench.broker.control.run({ queue: 'default', id: 'd-bad' })).toMatchObject({ code: 'done' });
  });

  test('limits sets with tasks that have failed, and none of others', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b');
    for (let i = 0; i < 3; i += 1) await fail(bench, (await take(bench))!);
    await join(bench, 'c', 'd');
    const sets = [(await take(bench))!, (await take(bench))!];
    expect(await membersOf(bench, sets[0]!)).toEqual(['a']);
    expect(await membersOf(bench, sets[1]!)).toEqual(['b']);
    expect(await membersOf(bench, (await take(bench))!)).toEqual(['c', 'd']);
  });

  test('is counted once, even if that is told again', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    for (let i = 0; i < 3; i += 1) {
      const set = (await take(bench))!;
      expect(await bench.broker.groups.fail(set, ERROR)).not.toMatchObject({ code: 'set-lost' });
      await bench.broker.groups.fail(set, ERROR);
      await bench.advance(SET_MS);
      await bench.broker.groups.reclaim(STEPS);
    }
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'archived' });
  });

  test('is not counted when its worker stops: its tasks go back at once', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b');
    for (let i = 0; i < 4; i += 1) {
      const set = (await take(bench))!;
      expect(set.size).toBe(2);
      expect(await bench.broker.groups.fail(set, null)).toEqual({ code: 'retry', pauseMs: 0 });
      expect(await bench.broker.groups.reclaim(STEPS)).toEqual([2]);
    }
  });

  test('is not counted when its task is a duplicate: its tasks go back after the pause that was asked for', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    for (let i = 0; i < 4; i += 1) {
      const set = (await take(bench))!;
      const failed = { code: 'retry', pauseMs: 30_000 };
      expect(await bench.broker.groups.fail(set, null, 30_000)).toEqual(failed);
      await bench.advance(29_000);
      expect(await bench.broker.groups.reclaim(STEPS)).toEqual([0]);
      await bench.advance(1_000);
      expect(await bench.broker.groups.reclaim(STEPS)).toEqual([1]);
    }
    expect(await countsOf(bench)).toEqual({ aggregating: 1 });
  });

  test('cannot be told after its time', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    const set = (await take(bench))!;
    await bench.advance(SET_MS);
    expect(await bench.broker.groups.fail(set, ERROR)).toEqual({ code: 'set-lost' });
  });
}

function dying(harness: Harness): void {
  test('counts as a failure: its sets become smaller in the end, and no task is archived soon', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b');
    const sizes: number[] = [];
    for (let i = 0; i < 31; i += 1) {
      const set = (await take(bench))!;
      sizes.push(set.size);
      await bench.advance(SET_MS);
      await bench.broker.groups.reclaim(STEPS);
    }
    // Of at most 1,000, 500, 250 and so on.
    expect(sizes).toEqual([...Array<number>(30).fill(2), 1]);
    expect(await countsOf(bench)).toEqual({ aggregating: 2 });
  });
}

function counting(harness: Harness): void {
  test('counts the tasks of sets as aggregating, with the age of the oldest', async () => {
    const bench = await harness.openBench();
    expect(await factsOf(bench)).toMatchObject({ oldestAggregatingMs: null });
    await join(bench, 'a');
    await bench.advance(5_000);
    const set = (await take(bench))!;
    await join(bench, 'b');
    await bench.advance(2_000);
    const facts = await factsOf(bench);
    expect(facts).toMatchObject({ counts: { aggregating: 2 }, groups: 1 });
    expect(Math.abs((facts.oldestAggregatingMs ?? 0) - 7_000)).toBeLessThan(1_000);
    const content = await bench.broker.groups.read(set);
    await bench.broker.groups.finish(set, content!, null);
    const { oldestAggregatingMs } = await factsOf(bench);
    expect(Math.abs((oldestAggregatingMs ?? 0) - 2_000)).toBeLessThan(1_000);
  });
}

export function failedSetSuite(harness: Harness): void {
  describe('a set that fails', () => failing(harness));
  describe('an aggregator that dies again and again', () => dying(harness));
  describe('a queue', () => counting(harness));
}
