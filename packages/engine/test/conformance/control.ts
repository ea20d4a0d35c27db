import { describe, expect, test } from 'vitest';
import type { TaskState } from '@task-center/model';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import {
  countsOf,
  end,
  factsOf,
  forward,
  idsOf,
  recordOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

const A = { queue: 'default', id: 'a' } as const;

type Staged = Extract<
  TaskState,
  'scheduled' | 'pending' | 'retry' | 'active' | 'completed' | 'archived' | 'cancelled'
>;

/** Brings the task `a` into a state. */
async function stage(bench: Bench, state: Staged): Promise<void> {
  const delayMs = state === 'scheduled' ? 60_000 : 0;
  await bench.broker.submit.enqueue([aTask({ ...A, delayMs, retentionMs: 60_000 })]);
  if (state === 'scheduled' || state === 'pending') return;
  if (state === 'cancelled') return void (await bench.broker.control.cancel(A, {}));
  const task = await takeOne(bench);
  if (state === 'retry') await end(bench, finish.retry(task, 60_000));
  if (state === 'completed') await end(bench, finish.succeeded(task));
  if (state === 'archived') await end(bench, finish.archive(task));
}

function pausing(harness: Harness): void {
  test('a queue is shown as paused, with the reason, until it is resumed', async () => {
    const bench = await harness.openBench();
    const { control } = bench.broker;
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    expect(await factsOf(bench)).toMatchObject({ paused: false, pauseReason: null });
    expect(await control.pause('default', 'deploying für 5 min')).toBe(true);
    expect(await factsOf(bench)).toMatchObject({ paused: true, pauseReason: 'deploying für 5 min' });
    expect(await take(bench)).toEqual([]);
    expect(await control.resume('default')).toBe(true);
    expect(await factsOf(bench)).toMatchObject({ paused: false, pauseReason: null });
    expect(idsOf(await take(bench))).toEqual(['a']);
  });

  test('pausing again replaces the reason, and resuming again changes nothing', async () => {
    const bench = await harness.openBench();
    const { control } = bench.broker;
    expect(await control.pause('default', 'one')).toBe(true);
    expect(await control.pause('default', 'two')).toBe(false);
    expect(await factsOf(bench)).toMatchObject({ paused: true, pauseReason: 'two' });
    expect(await control.pause('default')).toBe(false);
    expect(await factsOf(bench)).toMatchObject({ paused: true, pauseReason: null });
    expect(await control.resume('default')).toBe(true);
    expect(await control.resume('default')).toBe(false);
  });

  test('a paused queue accepts new tasks, and its active tasks may end', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    const task = await takeOne(bench);
    await bench.broker.control.pause('default');
    expect(await bench.broker.submit.enqueue([aTask()])).toMatchObject([{ code: 'created' }]);
    expect(await bench.broker.consume.extend([task], 10_000)).toEqual([true]);
    expect(await end(bench, finish.succeeded(task))).toEqual(['accepted']);
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });
}

function cancelling(harness: Harness): void {
  test.each(['scheduled', 'pending', 'retry'] as const)(
    'a %s task that is cancelled never runs',
    async (from) => {
      const bench = await harness.openBench();
      await stage(bench, from);
      const cancellation = { reason: 'ordered twice ü', by: 'key_1' };
      expect(await bench.broker.control.cancel(A, cancellation)).toEqual({ code: 'done', from });
      const record = await recordOf(bench, 'a');
      expect(record).toMatchObject({
        state: 'cancelled',
        cancelled: { ...cancellation, atMs: bench.now() },
        dueMs: null,
      });
      expect(await countsOf(bench)).toEqual({ cancelled: 1 });
      const keptMs = (record.expiresMs ?? 0) - bench.now();
      expect(keptMs).toBeGreaterThanOrEqual(3_600_000);
      expect(keptMs).toBeLessThanOrEqual(3_601_000);
      await bench.advance(61_000);
      expect(await forward(bench)).toMatchObject({ moved: 0 });
      expect(await take(bench)).toEqual([]);
    },
  );

  test.each(['completed', 'archived', 'cancelled'] as const)(
    'a task that is %s cannot be cancelled',
    async (state) => {
      const bench = await harness.openBench();
      await stage(bench, state);
      const before = await recordOf(bench, 'a');
      expect(await bench.broker.control.cancel(A, {})).toEqual({ code: 'wrong-state', state });
      expect(await recordOf(bench, 'a')).toEqual(before);
    },
  );

  test('a cancellation without a reason has its time', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'pending');
    await bench.broker.control.cancel(A, {});
    expect((await recordOf(bench, 'a')).cancelled).toEqual({ atMs: bench.now() });
  });

  test('cancelling one task leaves the others in their order', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(4, 't'));
    await bench.broker.control.cancel({ queue: 'default', id: 't1' }, {});
    expect(idsOf(await take(bench))).toEqual(['t0', 't2', 't3']);
  });

  test('a cancelled task counts neither as processed nor as failed', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'pending');
    await bench.broker.control.cancel(A, {});
    expect(await factsOf(bench)).toMatchObject({ processed: 0, failed: 0 });
  });
}

function removing(harness: Harness): void {
  test.each(['scheduled', 'pending', 'retry', 'completed', 'archived', 'cancelled'] as const)(
    'a %s task can be removed, and its ID is free',
    async (from) => {
      const bench = await harness.openBench();
      await stage(bench, from);
      expect(await bench.broker.control.remove(A)).toEqual({ code: 'done', from });
      expect(await bench.broker.inspect.task(A)).toBeNull();
      expect(await countsOf(bench)).toEqual({});
      await bench.advance(3_700_000);
      expect(await forward(bench)).toMatchObject({ moved: 0, nextDueMs: null });
      expect(await bench.broker.maintain.expire([{ queue: 'default', limit: 10 }])).toEqual([0]);
      expect(await take(bench)).toEqual([]);
      expect(await bench.broker.submit.enqueue([aTask(A)])).toMatchObject([{ code: 'created' }]);
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', attempts: [], lastError: null });
    },
  );

  test('a queue that was removed exists again with its next task', async () => {
    const { broker } = await harness.openBench();
    for (const id of ['a', 'b']) {
      await broker.submit.enqueue([aTask({ id })]);
      expect(await broker.inspect.queues()).toEqual(['default']);
      await broker.control.remove({ queue: 'default', id });
      expect(await broker.control.dropQueue('default')).toBe(true);
      expect(await broker.inspect.queues()).toEqual([]);
    }
  });

  test('an active task cannot be removed', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'active');
    expect(await bench.broker.control.remove(A)).toEqual({ code: 'wrong-state', state: 'active' });
    expect(await countsOf(bench)).toEqual({ active: 1 });
  });

  test('a task that does not exist can be neither cancelled nor removed', async () => {
    const { broker } = await harness.openBench();
    expect(await broker.control.cancel(A, {})).toEqual({ code: 'task-not-found' });
    expect(await broker.control.remove(A)).toEqual({ code: 'task-not-found' });
    await broker.submit.enqueue([aTask(A)]);
    expect(await broker.control.remove({ ...A, queue: 'other' })).toEqual({ code: 'task-not-found' });
    expect(await broker.control.remove(A)).toMatchObject({ code: 'done' });
    expect(await broker.control.remove(A)).toEqual({ code: 'task-not-found' });
  });
}

export function controlSuite(harness: Harness): void {
  describe('control', () => {
    pausing(harness);
    cancelling(harness);
    removing(harness);
  });
}
