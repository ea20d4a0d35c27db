import { describe, expect, test } from 'vitest';
import type { BulkState, BulkStep } from '../../src/broker/control.ts';
import type { NewTask } from '../../src/broker/submit.ts';
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

const Q = 'default';
const A = { queue: Q, id: 'a' } as const;
const STATES = [
  'scheduled',
  'pending',
  'active',
  'retry',
  'completed',
  'cancelled',
  'archived',
  'aggregating',
] as const;
type State = (typeof STATES)[number];

/** Brings tasks into a state, in the order of their IDs in the list. */
async function stage(
  bench: Bench,
  state: State,
  { ids = ['a'], ...more }: Partial<NewTask> & { readonly ids?: readonly string[] } = {},
): Promise<void> {
  const { submit, control } = bench.broker;
  const special = {
    ...(state === 'scheduled' && { delayMs: 60_000 }),
    ...(state === 'aggregating' && { group: 'g' }),
  };
  await submit.enqueue(ids.map((id) => aTask({ id, queue: Q, retentionMs: 600_000, ...special, ...more })));
  if (state === 'cancelled') for (const id of ids) await control.cancel({ queue: Q, id }, {});
  if (state === 'scheduled' || state === 'pending' || state === 'aggregating' || state === 'cancelled')
    return;
  for (const task of await take(bench)) {
    if (state === 'retry') await end(bench, finish.retry(task, 60_000));
    if (state === 'completed') await end(bench, finish.succeeded(task, Buffer.from('done')));
    if (state === 'archived') await end(bench, finish.archive(task));
  }
}

const RUNNABLE = ['scheduled', 'retry', 'completed', 'cancelled', 'archived', 'aggregating'] as const;
const ARCHIVABLE = ['scheduled', 'pending', 'retry', 'completed', 'cancelled', 'aggregating'] as const;
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

function running(harness: Harness): void {
  test.each(RUNNABLE)(
    'a %s task that is run becomes the last pending one, and keeps its history',
    async (from) => {
      const bench = await harness.openBench();
      await stage(bench, from);
      const before = await recordOf(bench, 'a');
      await bench.broker.submit.enqueue([aTask({ id: 'first', queue: Q })]);
      await bench.advance(5_000);
      expect(await bench.broker.control.run(A)).toEqual({ code: 'done', from });
      const { payload, headers, retried, result, attempts, lastError } = before;
      expect(await recordOf(bench, 'a')).toMatchObject({
        payload,
        headers,
        retried,
        result,
        attempts,
        lastError,
        state: 'pending',
        pendingSinceMs: bench.now(),
        cancelled: null,
        dueMs: null,
      });
      expect(await countsOf(bench)).toEqual({ pending: 2 });
      expect(idsOf(await take(bench))).toEqual(['first', 'a']);
      await bench.advance(61_000);
      expect(await forward(bench)).toMatchObject({ moved: 0, nextDueMs: null });
    },
  );

  test.each(['pending', 'active'] as const)('a task that is %s cannot be run', async (state) => {
    const bench = await harness.openBench();
    await stage(bench, state);
    expect(await bench.broker.control.run(A)).toEqual({ code: 'wrong-state', state });
    expect(await countsOf(bench)).toEqual({ [state]: 1 });
  });

  test('a task that is run again is counted as any other, and removing it leaves nothing behind', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'completed', { payload: Buffer.alloc(2_000, 'x') });
    await bench.broker.control.run(A);
    await end(bench, finish.archive(await takeOne(bench)));
    expect(await factsOf(bench)).toMatchObject({ processed: 2, failed: 1 });
    await bench.broker.control.remove(A);
    expect(await bench.broker.submit.enqueue([aTask(A)])).toMatchObject([{ code: 'created' }]);
    expect(await recordOf(bench, 'a')).toMatchObject({ attempts: [], result: null });
  });
}

function archiving(harness: Harness): void {
  test.each(ARCHIVABLE)('a %s task that is archived does not run any more', async (from) => {
    const bench = await harness.openBench();
    await stage(bench, from);
    await bench.advance(5_000);
    expect(await bench.broker.control.archive(A)).toEqual({ code: 'done', from });
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'archived', cancelled: null, dueMs: null });
    expect((record.finishedMs ?? 0) - bench.now()).toBeGreaterThan(-1_000);
    expect(await countsOf(bench)).toEqual({ archived: 1 });
    await bench.advance(700_000);
    expect(await forward(bench)).toMatchObject({ moved: 0 });
    expect(await bench.broker.maintain.expire([{ queue: Q, limit: 10 }])).toEqual([0]);
    expect(await take(bench)).toEqual([]);
  });

  test.each(['archived', 'active'] as const)('a task that is %s cannot be archived', async (state) => {
    const bench = await harness.openBench();
    await stage(bench, state);
    expect(await bench.broker.control.archive(A)).toEqual({ code: 'wrong-state', state });
  });

  test('a task that does not exist can be neither run nor archived, and its payload cannot be changed', async () => {
    const { broker } = await harness.openBench();
    expect(await broker.control.run(A)).toEqual({ code: 'task-not-found' });
    expect(await broker.control.archive(A)).toEqual({ code: 'task-not-found' });
    expect(await broker.control.updatePayload(A, null)).toEqual({ code: 'task-not-found' });
  });
}

function payloads(harness: Harness): void {
  const large = Buffer.alloc(5_000, 'y');

  test.each([
    ['a small one', Buffer.from('{"b":2}')],
    ['a large one', large],
    ['an empty one', Buffer.alloc(0)],
    ['none', null],
  ])('a scheduled task gets another payload: %s', async (_, payload) => {
    for (const before of [Buffer.from('{"a":1}'), large, null]) {
      const bench = await harness.openBench();
      const given = { headers: { h: 'v' }, uniqueMs: 3_600_000, meta: { business: 'shop' }, payload: before };
      await stage(bench, 'scheduled', { ids: ['shop.a'], ...given });
      const ref = { queue: Q, id: 'shop.a' };
      const old = await recordOf(bench, 'shop.a');
      expect(await bench.broker.control.updatePayload(ref, payload)).toEqual({
        code: 'done',
        from: 'scheduled',
      });
      const found = await recordOf(bench, 'shop.a');
      expect(found.payload && Buffer.from(found.payload)).toEqual(payload);
      expect({ ...found, payload: null }).toEqual({ ...old, payload: null });
      await bench.advance(61_000);
      await forward(bench);
      const taken = await takeOne(bench);
      expect(taken.payload && Buffer.from(taken.payload)).toEqual(payload);
    }
  });

  test.each(STATES.filter((state) => state !== 'scheduled'))(
    'the payload of a task that is %s cannot be changed',
    async (state) => {
      const bench = await harness.openBench();
      await stage(bench, state);
      const before = await recordOf(bench, 'a');
      const outcome = await bench.broker.control.updatePayload(A, Buffer.from('new'));
      // Asynq has no state of its own for cancelled tasks.
      expect(outcome).toMatchObject({ code: 'wrong-state' });
      expect(await recordOf(bench, 'a')).toEqual(before);
    },
  );
}

/** Changes all tasks of a state in steps of four. Resolves to the number that each step handled. */
async function changeAll(
  bench: Bench,
  what: Pick<BulkStep, 'action' | 'state' | 'group'>,
): Promise<number[]> {
  const handled: number[] = [];
  for (;;) {
    const outcome = await bench.broker.control.changeMany({ queue: Q, limit: 4, ...what });
    handled.push(outcome.handled);
    if (!outcome.more) return handled;
  }
}

function many(harness: Harness): void {
  test.each(RUNNABLE)('all %s tasks are run in steps, in their order', async (state) => {
    const bench = await harness.openBench();
    await stage(bench, state, { ids: ids(9) });
    await bench.broker.submit.enqueue([aTask({ id: 'other', queue: 'other' })]);
    expect((await changeAll(bench, { action: 'run', state })).filter((count) => count > 0)).toEqual([
      4, 4, 1,
    ]);
    expect(await countsOf(bench)).toEqual({ pending: 9 });
    expect(idsOf(await take(bench))).toEqual(ids(9));
    expect(await countsOf(bench, 'other')).toEqual({ pending: 1 });
  });

  test.each(['scheduled', 'pending', 'retry', 'aggregating'] as const)(
    'all %s tasks are archived in steps',
    async (state) => {
      const bench = await harness.openBench();
      await stage(bench, state, { ids: ids(9) });
      expect((await changeAll(bench, { action: 'archive', state })).filter((count) => count > 0)).toEqual([
        4, 4, 1,
      ]);
      expect(await countsOf(bench)).toEqual({ archived: 9 });
      expect(await take(bench)).toEqual([]);
      await bench.advance(61_000);
      expect(await forward(bench)).toMatchObject({ moved: 0, nextDueMs: null });
    },
  );

  test.each(STATES.filter((state): state is BulkState => state !== 'active'))(
    'all %s tasks are removed in steps, with their locks',
    async (state) => {
      const bench = await harness.openBench();
      const payload = (id: string) => Buffer.from(id);
      await bench.broker.submit.enqueue(manyTasks(1, 'kept', { queue: Q, delayMs: 90_000 }));
      for (const id of ids(9))
        await stage(bench, state, { ids: [id], uniqueMs: 600_000, payload: payload(id) });
      expect((await changeAll(bench, { action: 'remove', state })).filter((count) => count > 0).at(0)).toBe(
        4,
      );
      const left = state === 'scheduled' ? {} : { scheduled: 1 };
      expect(await countsOf(bench)).toEqual(left);
      const again = ids(9).map((id) => aTask({ id, queue: Q, uniqueMs: 1_000, payload: payload(id) }));
      expect(await bench.broker.submit.enqueue(again)).toMatchObject(ids(9).map(() => ({ code: 'created' })));
    },
  );

  test('a bulk change of one group leaves other groups alone, and an empty group is gone', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'aggregating', { ids: ids(5) });
    await bench.broker.submit.enqueue([aTask({ id: 'x', queue: Q, group: 'another' })]);
    expect(await changeAll(bench, { action: 'run', state: 'aggregating', group: 'g' })).toEqual([4, 1]);
    expect(await countsOf(bench)).toEqual({ pending: 5, aggregating: 1 });
    expect(await bench.broker.inspect.groups(Q)).toEqual([{ group: 'another', size: 1 }]);
    expect(await changeAll(bench, { action: 'remove', state: 'aggregating' })).toEqual([1]);
    expect(await bench.broker.inspect.groups(Q)).toEqual([]);
  });

  test('a bulk change of completed tasks includes cancelled ones, which can also be changed alone', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'completed', { ids: ['c1', 'c2'] });
    await stage(bench, 'cancelled', { ids: ['x1', 'x2'] });
    expect(await changeAll(bench, { action: 'remove', state: 'cancelled' })).toEqual([2]);
    expect(await countsOf(bench)).toEqual({ completed: 2 });
    await stage(bench, 'cancelled', { ids: ['x3'] });
    expect(await changeAll(bench, { action: 'remove', state: 'completed' })).toEqual([3]);
    expect(await countsOf(bench)).toEqual({});
  });

  test('a bulk change without matching tasks handles nothing', async () => {
    const bench = await harness.openBench();
    expect(await changeAll(bench, { action: 'run', state: 'retry' })).toEqual([0]);
    expect(await changeAll(bench, { action: 'remove', state: 'aggregating' })).toEqual([0]);
  });
}

/** Actions that change tasks in bulk, with states whose tasks they can change. */
const ACTIONS = {
  run: ['scheduled', 'retry', 'archived'],
  archive: ['scheduled', 'pending', 'retry'],
  remove: ['scheduled', 'pending', 'retry', 'archived', 'completed'],
} as const;
const EACH = Object.entries(ACTIONS).flatMap(([action, states]) =>
  states.map((state) => [action as keyof typeof ACTIONS, state] as const),
);

function otherTasks(harness: Harness): void {
  test.each(EACH)(
    'to %s all tasks that are %s leaves other tasks and queues as they are',
    async (action, state) => {
      const bench = await harness.openBench();
      for (const queue of [Q, 'other']) {
        await bench.broker.submit.enqueue([aTask({ id: 'old', queue, retentionMs: 600_000 })]);
        const [task] = await take(bench, { queues: [queue] });
        if (task) await end(bench, finish.archive(task));
      }
      const old = await recordOf(bench, 'old');
      await bench.advance(5_000);
      await stage(bench, state, { ids: ids(2) });
      const untouched = await recordOf(bench, 'old', 'other');
      await changeAll(bench, { action, state });
      expect(await recordOf(bench, 'old', 'other')).toEqual(untouched);
      expect(await countsOf(bench, 'other')).toEqual({ archived: 1 });
      if (state === 'archived') return;
      expect(await recordOf(bench, 'old')).toEqual(old);
      const now = { run: { pending: 2, archived: 1 }, archive: { archived: 3 }, remove: { archived: 1 } };
      expect(await countsOf(bench)).toEqual(now[action]);
      if (action === 'archive')
        expect((await recordOf(bench, 't0')).finishedMs).toBeGreaterThan(old.finishedMs ?? 0);
    },
  );

  test.each(['run', 'archive', 'remove'] as const)(
    'to %s the last task of a group removes the group',
    async (action) => {
      const bench = await harness.openBench();
      const groups = () => bench.broker.inspect.groups(Q);
      await stage(bench, 'aggregating', { ids: ['t0', 't1'] });
      await bench.broker.control[action]({ queue: Q, id: 't0' });
      expect(await groups()).toEqual([{ group: 'g', size: 1 }]);
      await bench.broker.control[action]({ queue: Q, id: 't1' });
      expect(await groups()).toEqual([]);
      expect((await factsOf(bench)).groups).toBe(0);
    },
  );
}

function dropping(harness: Harness): void {
  test('a queue without tasks can be dropped, with its pause and its history', async () => {
    const bench = await harness.openBench();
    const { control, inspect } = bench.broker;
    await stage(bench, 'archived');
    await control.pause(Q, 'why');
    expect(await control.dropQueue(Q)).toBe(false);
    expect(await inspect.queues()).toEqual([Q]);
    await control.remove(A);
    expect(await control.dropQueue(Q)).toBe(true);
    expect(await inspect.queues()).toEqual([]);
    expect(await factsOf(bench)).toMatchObject({ paused: false, processed: 0, failed: 0 });
    expect(await inspect.history(Q, 2)).toMatchObject([{ processed: 0 }, { processed: 0 }]);
    expect(await control.dropQueue(Q)).toBe(true);
  });

  test.each(STATES)('a queue with a task that is %s cannot be dropped', async (state) => {
    const bench = await harness.openBench();
    await stage(bench, state);
    expect(await bench.broker.control.dropQueue(Q)).toBe(false);
    expect(await bench.broker.inspect.queues()).toEqual([Q]);
    expect(await countsOf(bench)).toEqual({ [state]: 1 });
  });

  test('a dropped queue can be used again', async () => {
    const bench = await harness.openBench();
    await stage(bench, 'pending');
    await bench.broker.control.remove(A);
    await bench.broker.control.dropQueue(Q);
    await stage(bench, 'pending', { ids: ['b'] });
    expect(idsOf(await take(bench))).toEqual(['b']);
  });
}

export function changeSuite(harness: Harness): void {
  describe('changing tasks', () => {
    running(harness);
    archiving(harness);
    payloads(harness);
    many(harness);
    otherTasks(harness);
    dropping(harness);
  });
}
