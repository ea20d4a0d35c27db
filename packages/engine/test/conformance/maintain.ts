import { describe, expect, test } from 'vitest';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { countsOf, end, forward, idsOf, recordOf, take, takeOne, type Harness } from './harness.ts';

function forwarding(harness: Harness): void {
  test('forwarding moves the tasks that are due, and none early', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'a', delayMs: 1_000 }),
      aTask({ id: 'b', delayMs: 1_001 }),
    ]);
    const dueMs = bench.now() + 1_000;
    await bench.advance(999);
    expect(await forward(bench)).toEqual({ moved: 0, lateMs: 0, nextDueMs: dueMs, nextInMs: 1 });
    await bench.advance(1);
    expect(await forward(bench)).toEqual({ moved: 1, lateMs: 0, nextDueMs: dueMs + 1, nextInMs: 1 });
    expect(idsOf(await take(bench))).toEqual(['a']);
    await bench.advance(1);
    expect(await forward(bench)).toEqual({ moved: 1, lateMs: 0, nextDueMs: null, nextInMs: null });
    expect(idsOf(await take(bench))).toEqual(['b']);
  });

  test('due tasks are moved earliest first, in whatever order they were enqueued', async () => {
    const bench = await harness.openBench();
    const delays = [700, 100, 900, 300, 500];
    await bench.broker.submit.enqueue(delays.map((delayMs) => aTask({ id: `d${delayMs}`, delayMs })));
    await bench.advance(1_000);
    expect(await forward(bench, 'default', 2)).toMatchObject({ moved: 2, lateMs: 900, nextInMs: 0 });
    expect(await forward(bench, 'default', 2)).toMatchObject({ moved: 2, lateMs: 500, nextInMs: 0 });
    expect(await forward(bench, 'default', 2)).toMatchObject({ moved: 1, lateMs: 100, nextInMs: null });
    expect(idsOf(await take(bench))).toEqual(['d100', 'd300', 'd500', 'd700', 'd900']);
  });

  test('scheduled tasks and retries are forwarded together by their times', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'again' })]);
    await end(bench, finish.retry(await takeOne(bench), 2_000));
    await bench.broker.submit.enqueue([
      aTask({ id: 'first', delayMs: 1_999 }),
      aTask({ id: 'last', delayMs: 2_001 }),
    ]);
    expect(await forward(bench)).toMatchObject({ moved: 0, nextInMs: 1_999 });
    await bench.advance(2_001);
    expect(await forward(bench)).toMatchObject({ moved: 3, lateMs: 2, nextDueMs: null });
    expect(idsOf(await take(bench))).toEqual(['first', 'again', 'last']);
  });

  test('a forwarded task is pending from then on, behind those that were pending before', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'late', delayMs: 1_000 })]);
    await bench.broker.submit.enqueue([aTask({ id: 'early' })]);
    await bench.advance(1_500);
    await forward(bench);
    expect(await recordOf(bench, 'late')).toMatchObject({
      state: 'pending',
      pendingSinceMs: bench.now(),
      dueMs: null,
    });
    expect(idsOf(await take(bench))).toEqual(['early', 'late']);
  });

  test('each queue is forwarded separately', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ queue: 'a', delayMs: 10 }),
      aTask({ queue: 'b', delayMs: 5_000 }),
      aTask({ queue: 'c', delayMs: 10 }),
    ]);
    await bench.advance(10);
    const steps = ['a', 'b', 'empty'].map((queue) => ({ queue, limit: 10 }));
    expect(await bench.broker.maintain.forward(steps)).toMatchObject([
      { moved: 1, nextInMs: null },
      { moved: 0, nextInMs: 4_990 },
      { moved: 0, nextInMs: null },
    ]);
    expect(await countsOf(bench, 'c')).toEqual({ scheduled: 1 });
  });

  test('concurrent forwarders move each task once', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(50, 't', { delayMs: 10 }));
    await bench.advance(10);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => forward(bench)));
    expect(outcomes.reduce((sum, { moved }) => sum + moved, 0)).toBe(50);
    expect(await countsOf(bench)).toEqual({ pending: 50 });
  });

  test('a paused queue is forwarded, but its tasks are not taken', async () => {
    const bench = await harness.openBench();
    await bench.broker.control.pause('default');
    await bench.broker.submit.enqueue([aTask({ delayMs: 10 })]);
    await bench.advance(10);
    expect(await forward(bench)).toMatchObject({ moved: 1 });
    expect(await take(bench)).toEqual([]);
  });
}

function staleDues(harness: Harness): void {
  test('the due time of a removed task never moves a new task with its ID', async () => {
    const bench = await harness.openBench();
    const { submit, control } = bench.broker;
    await submit.enqueue([aTask({ id: 'a', delayMs: 1_000 })]);
    await control.remove({ queue: 'default', id: 'a' });
    await submit.enqueue([aTask({ id: 'a', delayMs: 10_000 })]);
    await bench.advance(9_999);
    expect(await forward(bench)).toMatchObject({ moved: 0, nextInMs: 1 });
    await bench.advance(1);
    expect(await forward(bench)).toMatchObject({ moved: 1, nextInMs: null });
  });

  test('the due time of an earlier retry never moves a new task with its ID', async () => {
    const bench = await harness.openBench();
    const { submit, control } = bench.broker;
    await submit.enqueue([aTask({ id: 'a' })]);
    await end(bench, finish.retry(await takeOne(bench), 1_000));
    await control.remove({ queue: 'default', id: 'a' });
    await submit.enqueue([aTask({ id: 'a', delayMs: 10_000 })]);
    await bench.advance(9_999);
    expect(await forward(bench)).toMatchObject({ moved: 0 });
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'scheduled' });
  });

  test('a cancelled task is not forwarded at its due time', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', delayMs: 1_000 })]);
    await bench.broker.control.cancel({ queue: 'default', id: 'a' }, {});
    expect(await forward(bench)).toMatchObject({ moved: 0, nextDueMs: null });
    await bench.advance(5_000);
    expect(await forward(bench)).toMatchObject({ moved: 0 });
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'cancelled' });
  });

  test('a task that became pending again before an old due time is taken once', async () => {
    const bench = await harness.openBench();
    const { submit, control } = bench.broker;
    await submit.enqueue([aTask({ id: 'a', delayMs: 1_000 })]);
    await control.remove({ queue: 'default', id: 'a' });
    await submit.enqueue([aTask({ id: 'a' })]);
    await bench.advance(1_000);
    expect(await forward(bench)).toMatchObject({ moved: 0 });
    expect(idsOf(await take(bench))).toEqual(['a']);
    expect(await take(bench)).toEqual([]);
  });
}

function expiring(harness: Harness): void {
  const steps = [{ queue: 'default', limit: 256 }];

  test('completed tasks are removed when their retention is over', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'short', retentionMs: 10_000 }),
      aTask({ id: 'long', retentionMs: 60_000 }),
    ]);
    const [short, long] = await take(bench);
    await end(bench, finish.succeeded(short!), finish.succeeded(long!));
    await bench.advance(9_999);
    expect(await bench.broker.maintain.expire(steps)).toEqual([0]);
    await bench.advance(1_001);
    expect(await bench.broker.maintain.expire(steps)).toEqual([1]);
    expect(await bench.broker.inspect.task({ queue: 'default', id: 'short' })).toBeNull();
    expect(await countsOf(bench)).toEqual({ completed: 1 });
    await bench.advance(50_000);
    expect(await bench.broker.maintain.expire(steps)).toEqual([1]);
    expect(await countsOf(bench)).toEqual({});
  });

  test('cancelled tasks are kept for an hour, or for their retention if that is longer', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b', retentionMs: 7_200_000 })]);
    for (const id of ['a', 'b']) await bench.broker.control.cancel({ queue: 'default', id }, {});
    await bench.advance(3_599_999);
    expect(await bench.broker.maintain.expire(steps)).toEqual([0]);
    await bench.advance(1_001);
    expect(await bench.broker.maintain.expire(steps)).toEqual([1]);
    expect(await bench.broker.inspect.task({ queue: 'default', id: 'a' })).toBeNull();
    expect(await countsOf(bench)).toEqual({ cancelled: 1 });
    await bench.advance(3_600_000);
    expect(await bench.broker.maintain.expire(steps)).toEqual([1]);
    expect(await countsOf(bench)).toEqual({});
  });

  test('expiry is bounded per call and leaves other states alone', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(5, 't', { retentionMs: 1_000 }));
    const tasks = await take(bench);
    await end(bench, ...tasks.map((task) => finish.succeeded(task)));
    await bench.broker.submit.enqueue([aTask({ id: 'dead' }), aTask({ id: 'waits' })]);
    await end(bench, finish.archive(await takeOne(bench)));
    await bench.advance(3_600_000);
    const limited = [
      { queue: 'default', limit: 3 },
      { queue: 'empty', limit: 3 },
    ];
    expect(await bench.broker.maintain.expire(limited)).toEqual([3, 0]);
    expect(await bench.broker.maintain.expire(limited)).toEqual([2, 0]);
    expect(await bench.broker.maintain.expire(limited)).toEqual([0, 0]);
    expect(await countsOf(bench)).toEqual({ archived: 1, pending: 1 });
  });

  test('the ID of an expired task is free', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', retentionMs: 1_000 })]);
    await end(bench, finish.succeeded(await takeOne(bench)));
    await bench.advance(2_000);
    await bench.broker.maintain.expire(steps);
    expect(await bench.broker.submit.enqueue([aTask({ id: 'a' })])).toMatchObject([{ code: 'created' }]);
  });
}

function repairing(harness: Harness): void {
  test('repair changes nothing in a queue without faults, however often it runs', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'completed', retentionMs: 3_600_000, uniqueMs: 3_600_000, type: 'unique' }),
      ...['retry', 'archived', 'active'].map((id) => aTask({ id })),
    ]);
    const [completed, retry, archived] = await take(bench);
    await end(
      bench,
      finish.succeeded(completed!),
      finish.retry(retry!, 3_600_000),
      finish.archive(archived!),
    );
    await bench.broker.submit.enqueue([
      aTask({ id: 'scheduled', delayMs: 3_600_000 }),
      aTask({ id: 'grouped', group: 'g' }),
      aTask({ id: 'pending', uniqueMs: 3_600_000 }),
    ]);
    const before = await countsOf(bench);
    for (let i = 0; i < 3; i += 1) {
      expect(await bench.broker.maintain.repair([{ queue: 'default', limit: 256 }])).toEqual([
        { recovered: 0, archived: 0, locks: 0, groups: 0, renamedKeys: [] },
      ]);
      await bench.advance(61_000);
    }
    expect(await countsOf(bench)).toEqual(before);
    expect(Object.keys(before)).toHaveLength(7);
    expect(await bench.broker.submit.enqueue([aTask({ uniqueMs: 1_000 })])).toMatchObject([
      { code: 'duplicate-task', holder: 'pending' },
    ]);
  });
}

export function maintainSuite(harness: Harness): void {
  describe('maintain', () => {
    forwarding(harness);
    staleDues(harness);
    expiring(harness);
    repairing(harness);
  });
}
