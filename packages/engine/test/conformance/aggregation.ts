import { describe, expect, test } from 'vitest';
import type { AggregationSet, GroupRules, SetContent } from '../../src/broker/groups.ts';
import { SET_MS } from '../../src/broker/groups.ts';
import { GroupSearch } from '../../src/worker/aggregate/group-search.ts';
import { aTask, manyTasks } from '../support/factories.ts';
import { countsOf, factsOf, idsOf, recordOf, take, type Bench, type Harness } from './harness.ts';

const RULES: GroupRules = { graceMs: 10_000, maxDelayMs: 0, maxSize: 0 };
const NOW: GroupRules = { graceMs: 0, maxDelayMs: 0, maxSize: 0 };
const SECOND_MS = 1_000;

const takeSets = ({ broker }: Bench, rules: Partial<GroupRules> = {}, limit = 3) =>
  new GroupSearch(broker.groups, { ...RULES, ...rules }).take('default', limit);

/** Takes the set of the only group; fails if the group is not ripe by the rules. */
async function takeSet(bench: Bench, rules: Partial<GroupRules> = NOW): Promise<AggregationSet> {
  const [set] = await takeSets(bench, rules, 1);
  if (!set) throw new Error('no group was ripe');
  return set;
}

async function contentOf({ broker }: Bench, set: AggregationSet): Promise<SetContent> {
  const content = await broker.groups.read(set);
  if (!content) throw new Error('the set is gone');
  return content;
}

async function finishSet(bench: Bench, set: AggregationSet, task = aTask({ id: 'made' })) {
  return bench.broker.groups.finish(set, await contentOf(bench, set), task);
}

const join = (bench: Bench, ...ids: readonly string[]) =>
  bench.broker.submit.enqueue(ids.map((id) => aTask({ id, group: 'g' })));

const groupsOf = ({ broker }: Bench) => broker.inspect.groups('default');
/** Puts up to `limit` tasks of expired sets back into their groups. Resolves to their number. */
const reclaim = async ({ broker }: Bench, limit = 256) =>
  (await broker.groups.reclaim([{ queue: 'default', limit }]))[0];

function ripening(harness: Harness): void {
  test('a group is left alone until its newest task is as old as the grace period', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    await bench.advance(9 * SECOND_MS);
    await join(bench, 'b');
    await bench.advance(9 * SECOND_MS);
    expect(await takeSets(bench)).toEqual([]);
    await bench.advance(SECOND_MS);
    expect(await takeSets(bench)).toMatchObject([{ queue: 'default', group: 'g', size: 2 }]);
  });

  test('a group is taken when its oldest task has waited for the maximum delay', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    await bench.advance(4 * SECOND_MS);
    await join(bench, 'b');
    expect(await takeSets(bench, { maxDelayMs: 5_000 })).toEqual([]);
    await bench.advance(SECOND_MS);
    expect(await takeSets(bench, { maxDelayMs: 5_000 })).toMatchObject([{ size: 2 }]);
  });

  test('a group of at least the maximum size yields exactly that many tasks, the oldest ones', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    await bench.advance(SECOND_MS);
    await join(bench, 'b', 'c', 'd');
    expect(await takeSets(bench, { maxSize: 5 })).toEqual([]);
    const [set, ...more] = await takeSets(bench, { maxSize: 2 });
    expect(more).toEqual([]);
    expect(idsOf((await contentOf(bench, set!)).tasks)).toEqual(['a', 'b']);
    expect(await groupsOf(bench)).toEqual([{ group: 'g', size: 2 }]);
  });

  test('no more sets are taken than asked for, and the other groups wait', async () => {
    const bench = await harness.openBench();
    const groups = Array.from({ length: 5 }, (_, i) => `group: ${i}`);
    await bench.broker.submit.enqueue(groups.map((group) => aTask({ group })));
    const first = await takeSets(bench, NOW, 3);
    const second = await takeSets(bench, NOW, 3);
    expect([first.length, second.length]).toEqual([3, 2]);
    expect([...first, ...second].map(({ group }) => group).sort()).toEqual(groups);
  });

  test('a set has a thousand tasks at most', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(1_200, 't', { group: 'g' }));
    const set = await takeSet(bench);
    expect(set.size).toBe(1_000);
    expect((await contentOf(bench, set)).tasks).toHaveLength(1_000);
    expect(await groupsOf(bench)).toEqual([{ group: 'g', size: 200 }]);
    expect(await finishSet(bench, set)).toMatchObject({ code: 'created' });
    expect(await countsOf(bench)).toEqual({ pending: 1, aggregating: 200 });
  });

  test('groups that are ripe again and again do not keep the others waiting', async () => {
    const bench = await harness.openBench();
    const groups = Array.from({ length: 6 }, (_, i) => `g${i}`);
    const refill = (names: readonly string[]) =>
      bench.broker.submit.enqueue(names.map((group) => aTask({ group })));
    await refill(groups);
    const seen = new Set<string>();
    const search = new GroupSearch(bench.broker.groups, NOW);
    for (let round = 0; round < 4; round += 1) {
      const taken = (await search.take('default', 2)).map(({ group }) => group);
      expect(taken).toHaveLength(2);
      taken.forEach((group) => seen.add(group));
      await refill(taken);
    }
    expect([...seen].sort()).toEqual(groups);
  });

  test('tasks of all groups are counted, however they are spread', async () => {
    const bench = await harness.openBench();
    const tasks = Array.from({ length: 30 }, (_, i) => aTask({ group: `g${i % 22}` }));
    await bench.broker.submit.enqueue(tasks);
    expect(await factsOf(bench)).toMatchObject({ counts: { aggregating: 30 }, groups: 22 });
  });

  test('nothing is taken from a queue that was never used', async () => {
    const bench = await harness.openBench();
    expect(await bench.broker.groups.take('nowhere', NOW, 3, null)).toEqual({
      sets: [],
      checked: 0,
      next: null,
    });
  });
}

function aggregating(harness: Harness): void {
  test('the tasks of a set are read as they were enqueued, and cannot be changed one by one', async () => {
    const bench = await harness.openBench();
    const { submit, control } = bench.broker;
    await submit.enqueue([
      aTask({ id: 'a', group: 'g', type: 'mail', payload: Buffer.from('1'), headers: { x: 'y' } }),
      aTask({ id: 'b', group: 'g', meta: { business: 'acme' } }),
    ]);
    const set = await takeSet(bench);
    const { tasks, unreadable } = await contentOf(bench, set);
    expect(unreadable).toEqual([]);
    expect(tasks[0]).toMatchObject({
      id: 'a',
      type: 'mail',
      headers: { x: 'y' },
      group: 'g',
      state: 'aggregating',
    });
    expect(Buffer.from(tasks[0]!.payload!)).toEqual(Buffer.from('1'));
    expect(tasks[1]).toMatchObject({ id: 'b', meta: { business: 'acme' } });
    expect([await groupsOf(bench), await countsOf(bench), (await factsOf(bench)).groups]).toEqual([
      [],
      { aggregating: 2 },
      0,
    ]);
    expect(await takeSets(bench, NOW)).toEqual([]);
    const ref = { queue: 'default', id: 'a' };
    const refused = { code: 'wrong-state', state: 'aggregating' };
    expect([await control.run(ref), await control.archive(ref), await control.remove(ref)]).toEqual([
      refused,
      refused,
      refused,
    ]);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'aggregating', group: 'g' });
  });

  test('the task that is made of a set replaces it', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b');
    const set = await takeSet(bench);
    const made = aTask({
      id: 'made',
      type: 'digest',
      payload: Buffer.from('ab'),
      meta: { business: 'acme' },
    });
    expect(await finishSet(bench, set, made)).toEqual({
      code: 'created',
      state: 'pending',
      dueMs: bench.now(),
    });
    expect(await countsOf(bench)).toEqual({ pending: 1 });
    for (const id of ['a', 'b']) expect(await bench.broker.inspect.task({ queue: 'default', id })).toBeNull();
    expect(await take(bench)).toMatchObject([{ id: 'made', type: 'digest', meta: { business: 'acme' } }]);
    expect(await bench.broker.groups.read(set)).toBeNull();
    expect(await factsOf(bench)).toMatchObject({ processed: 0, failed: 0 });
  });

  test('the made task may start later or join a group itself', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    const later = await finishSet(bench, await takeSet(bench), aTask({ id: 'later', delayMs: 5_000 }));
    expect(later).toEqual({ code: 'created', state: 'scheduled', dueMs: bench.now() + 5_000 });
    await join(bench, 'b');
    const grouped = await finishSet(bench, await takeSet(bench), aTask({ id: 'grouped', group: 'h' }));
    expect(grouped).toMatchObject({ code: 'created', state: 'aggregating' });
    expect(await countsOf(bench)).toEqual({ scheduled: 1, aggregating: 1 });
    expect(await groupsOf(bench)).toEqual([{ group: 'h', size: 1 }]);
  });

  test('a set may end without a task', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    const set = await takeSet(bench);
    const content = await contentOf(bench, set);
    expect(await bench.broker.groups.finish(set, content, null)).toEqual({ code: 'removed' });
    expect(await countsOf(bench)).toEqual({});
    expect(await bench.broker.inspect.task({ queue: 'default', id: 'a' })).toBeNull();
  });

  test('a set stays if its task cannot be stored', async () => {
    const bench = await harness.openBench();
    const { submit } = bench.broker;
    await submit.enqueue([aTask({ id: 'made' }), aTask({ id: 'holder', type: 'u', uniqueMs: 60_000 })]);
    await join(bench, 'a');
    const set = await takeSet(bench);
    expect(await finishSet(bench, set)).toEqual({ code: 'task-exists' });
    const twin = aTask({ id: 'twin', type: 'u', uniqueMs: 60_000 });
    expect(await finishSet(bench, set, twin)).toEqual({ code: 'duplicate-task', holder: 'holder' });
    expect(idsOf((await contentOf(bench, set)).tasks)).toEqual(['a']);
    expect(await finishSet(bench, set, aTask({ id: 'other' }))).toMatchObject({ code: 'created' });
  });

  test('unique locks are released with the tasks that held them', async () => {
    const bench = await harness.openBench();
    const unique = { type: 'u', payload: Buffer.from('1'), uniqueMs: 600_000 };
    await bench.broker.submit.enqueue([aTask({ id: 'a', group: 'g', ...unique })]);
    await finishSet(bench, await takeSet(bench));
    const outcomes = await bench.broker.submit.enqueue([aTask({ id: 'b', ...unique })]);
    expect(outcomes).toMatchObject([{ code: 'created' }]);
  });
}

function reclaiming(harness: Harness): void {
  test('an expired set becomes a group again, with its name and times', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', group: 'x: y' })]);
    await bench.advance(SECOND_MS);
    await bench.broker.submit.enqueue([aTask({ id: 'b', group: 'x: y' })]);
    const set = await takeSet(bench);
    await bench.advance(SET_MS - 2 * SECOND_MS);
    expect(await reclaim(bench)).toBe(0);
    await bench.advance(2 * SECOND_MS);
    expect(await reclaim(bench)).toBe(2);
    expect(await reclaim(bench)).toBe(0);
    expect(await groupsOf(bench)).toEqual([{ group: 'x: y', size: 2 }]);
    expect(await countsOf(bench)).toEqual({ aggregating: 2 });
    expect(await bench.broker.groups.read(set)).toBeNull();
    // The tasks keep the times at which they joined: one has waited for 121 s, the other for 120 s.
    expect(await takeSets(bench, { graceMs: 121_000 })).toEqual([]);
    expect(await takeSets(bench, { graceMs: 120_000 })).toMatchObject([{ size: 2 }]);
  });

  test('a task that is made of a reclaimed set is refused, and nothing is stored', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    const set = await takeSet(bench);
    const content = await contentOf(bench, set);
    await bench.advance(SET_MS);
    await reclaim(bench);
    const late = await bench.broker.groups.finish(set, content, aTask({ id: 'late' }));
    expect(late).toEqual({ code: 'set-lost' });
    expect(await countsOf(bench)).toEqual({ aggregating: 1 });
    const again = await takeSet(bench);
    expect(again.id).not.toBe(set.id);
    expect(await bench.broker.groups.finish(set, content, aTask({ id: 'late' }))).toEqual({
      code: 'set-lost',
    });
    expect(await finishSet(bench, again)).toMatchObject({ code: 'created' });
  });

  test('a large set is reclaimed in steps', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(250, 't', { group: 'g' }));
    await takeSet(bench);
    await bench.advance(SET_MS);
    const steps = [await reclaim(bench, 100), await reclaim(bench, 100), await reclaim(bench, 100)];
    expect(steps).toEqual([100, 100, 50]);
    expect(await groupsOf(bench)).toEqual([{ group: 'g', size: 250 }]);
  });

  test('no task is made of a set as soon as a part of it is reclaimed', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(250, 't', { group: 'g' }));
    const set = await takeSet(bench);
    const content = await contentOf(bench, set);
    await bench.advance(SET_MS);
    expect(await reclaim(bench, 100)).toBe(100);
    const late = await bench.broker.groups.finish(set, content, aTask({ id: 'late' }));
    expect(late).toEqual({ code: 'set-lost' });
    expect([await reclaim(bench, 100), await reclaim(bench, 100)]).toEqual([100, 50]);
    expect(await countsOf(bench)).toEqual({ aggregating: 250 });
  });

  test('no task is made of a set whose tasks were removed', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a', 'b');
    const set = await takeSet(bench);
    const content = await contentOf(bench, set);
    await bench.broker.control.changeMany({
      queue: 'default',
      action: 'remove',
      state: 'aggregating',
      limit: 256,
    });
    expect(await bench.broker.groups.finish(set, content, aTask({ id: 'made' }))).toEqual({
      code: 'set-lost',
    });
    expect(await countsOf(bench)).toEqual({});
  });

  test('a queue whose groups are all empty can be removed', async () => {
    const bench = await harness.openBench();
    const { submit, control } = bench.broker;
    await submit.enqueue([aTask({ id: 'a', group: 'g', delayMs: 60_000 })]);
    expect(await control.dropQueue('default')).toBe(false);
    await control.remove({ queue: 'default', id: 'a' });
    expect(await control.dropQueue('default')).toBe(true);
    expect(await bench.broker.inspect.queues()).toEqual([]);
  });

  test('a queue with a set can be dropped only after the tasks of the set were removed', async () => {
    const bench = await harness.openBench();
    await join(bench, 'a');
    const set = await takeSet(bench);
    expect(await bench.broker.control.dropQueue('default')).toBe(false);
    const step = { queue: 'default', action: 'remove', state: 'aggregating', limit: 256 } as const;
    expect(await bench.broker.control.changeMany(step)).toEqual({ handled: 1, more: false });
    expect(await bench.broker.control.dropQueue('default')).toBe(true);
    expect(await bench.broker.groups.read(set)).toBeNull();
  });
}

export function aggregationSuite(harness: Harness): void {
  describe('aggregation', () => {
    ripening(harness);
    aggregating(harness);
    reclaiming(harness);
  });
}
