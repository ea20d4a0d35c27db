import { describe, expect, test } from 'vitest';
import { aTask, finish } from '../support/factories.ts';
import {
  countsOf,
  end,
  forward,
  idsOf,
  recordOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

async function members({ broker }: Bench, group: string): Promise<string[]> {
  const request = { queue: 'default', state: 'aggregating', group, limit: 100, cursor: null } as const;
  return idsOf((await broker.inspect.list(request)).tasks);
}

function joining(harness: Harness): void {
  test('a task with a group waits in it, and no worker takes it', async () => {
    const bench = await harness.openBench();
    const outcomes = await bench.broker.submit.enqueue([aTask({ id: 'a', group: 'g' }), aTask({ id: 'b' })]);
    expect(outcomes).toMatchObject([
      { code: 'created', state: 'aggregating', dueMs: bench.now() },
      { state: 'pending' },
    ]);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'aggregating', group: 'g', dueMs: null });
    expect(await recordOf(bench, 'b')).toMatchObject({ group: null });
    expect(idsOf(await take(bench))).toEqual(['b']);
    expect(await countsOf(bench)).toEqual({ aggregating: 1, active: 1 });
  });

  test('names of groups may have any characters, and each group lists its own tasks', async () => {
    const bench = await harness.openBench();
    const groups = ['a', 'a:b', 'Grüße 東京', '{x}', 'a b'];
    await bench.broker.submit.enqueue(groups.map((group, i) => aTask({ id: `t${i}`, group })));
    for (const [i, group] of groups.entries()) expect(await members(bench, group)).toEqual([`t${i}`]);
    expect(await countsOf(bench)).toEqual({ aggregating: 5 });
  });

  test('the ID of a task in a group is taken', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', group: 'g' })]);
    expect(await bench.broker.submit.enqueue([aTask({ id: 'a' })])).toEqual([{ code: 'task-exists' }]);
  });

  test('a unique task holds its lock while it is in a group', async () => {
    const bench = await harness.openBench();
    const task = (id: string) => aTask({ id, group: 'g', uniqueMs: 60_000 });
    expect(await bench.broker.submit.enqueue([task('a'), task('b')])).toMatchObject([
      { state: 'aggregating' },
      { code: 'duplicate-task', holder: 'a' },
    ]);
  });

  test('a group is listed in pages, oldest first', async () => {
    const bench = await harness.openBench();
    for (const id of ['c', 'a', 'b']) {
      await bench.broker.submit.enqueue([aTask({ id, group: 'g' })]);
      await bench.advance(1_000);
    }
    const request = { queue: 'default', state: 'aggregating', group: 'g', limit: 2 } as const;
    const first = await bench.broker.inspect.list({ ...request, cursor: null });
    expect([idsOf(first.tasks), first.total]).toEqual([['c', 'a'], 3]);
    const second = await bench.broker.inspect.list({ ...request, cursor: first.cursor });
    expect([idsOf(second.tasks), second.cursor]).toEqual([['b'], null]);
  });
}

function leaving(harness: Harness): void {
  test('a task with a group and a start time is scheduled, and joins its group when it is due', async () => {
    const bench = await harness.openBench();
    const outcomes = await bench.broker.submit.enqueue([aTask({ id: 'a', group: 'g', delayMs: 1_500 })]);
    expect(outcomes).toMatchObject([{ state: 'scheduled', dueMs: bench.now() + 1_500 }]);
    expect(await members(bench, 'g')).toEqual([]);
    await bench.advance(1_500);
    expect(await forward(bench)).toMatchObject({ moved: 1, nextDueMs: null });
    expect(await members(bench, 'g')).toEqual(['a']);
    expect(await take(bench)).toEqual([]);
  });

  test('due tasks join their group, and those without one become pending', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'a', delayMs: 10 }),
      aTask({ id: 'b', delayMs: 20, group: 'g' }),
      aTask({ id: 'c', delayMs: 30 }),
    ]);
    await bench.advance(1_000);
    expect(await forward(bench)).toMatchObject({ moved: 3 });
    expect(await members(bench, 'g')).toEqual(['b']);
    expect(idsOf(await take(bench))).toEqual(['a', 'c']);
  });

  test('a task that is removed while it waits in a group leaves the group', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', group: 'g' }), aTask({ id: 'b', group: 'g' })]);
    const removed = await bench.broker.control.remove({ queue: 'default', id: 'a' });
    expect(removed).toEqual({ code: 'done', from: 'aggregating' });
    expect(await members(bench, 'g')).toEqual(['b']);
  });

  test('a task without a group is not affected by groups', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'g1', group: 'g' }), aTask({ id: 'a' })]);
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await countsOf(bench)).toEqual({ aggregating: 1 });
  });
}

export function groupsSuite(harness: Harness): void {
  describe('groups', () => {
    joining(harness);
    leaving(harness);
  });
}
