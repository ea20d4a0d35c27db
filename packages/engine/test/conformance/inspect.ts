import { describe, expect, test } from 'vitest';
import type { ListedState } from '@task-center/model';
import { aRecord, aTask, finish, manyTasks } from '../support/factories.ts';
import { aSchedule, putAll } from '../support/schedules.ts';
import {
  end,
  factsOf,
  idsOf,
  LEASE_MS,
  recordOf,
  take,
  takeOne,
  exchange,
  type Bench,
  type Harness,
} from './harness.ts';

/** All IDs of a list, page by page. */
async function pages(bench: Bench, state: ListedState, limit: number): Promise<string[][]> {
  const seen: string[][] = [];
  let cursor: string | null = null;
  do {
    const page = await bench.broker.inspect.list({ queue: 'default', state, limit, cursor });
    seen.push(idsOf(page.tasks));
    for (const task of page.tasks) expect(task.state).toBe(state);
    cursor = page.cursor;
  } while (cursor !== null && seen.length < 50);
  return seen;
}

/** Stores one task in each state that can be listed; its ID is the name of the state. */
async function fillAllStates(bench: Bench): Promise<void> {
  const { submit, control } = bench.broker;
  const kept = { retentionMs: 60_000 };
  await submit.enqueue(['active', 'retry', 'completed', 'archived'].map((id) => aTask({ id, ...kept })));
  const [, retry, completed, archived] = await take(bench);
  await end(bench, finish.retry(retry!, 5_000), finish.succeeded(completed!), finish.archive(archived!));
  await submit.enqueue([
    aTask({ id: 'pending' }),
    aTask({ id: 'cancelled' }),
    aTask({ id: 'scheduled', delayMs: 9_000 }),
  ]);
  await control.cancel({ queue: 'default', id: 'cancelled' }, { by: 'key_1' });
}

const LISTED = ['scheduled', 'pending', 'active', 'retry', 'completed', 'cancelled', 'archived'] as const;

function records(harness: Harness): void {
  test('a task that does not exist is null', async () => {
    const { broker } = await harness.openBench();
    expect(await broker.inspect.task({ queue: 'default', id: 'none' })).toBeNull();
  });

  test.each(LISTED)('a %s task is shown, counted and listed in that state', async (state) => {
    const bench = await harness.openBench();
    await fillAllStates(bench);
    const record = await recordOf(bench, state);
    expect(record.state).toBe(state);
    expect(record).toMatchObject({ queue: 'default', type: 'test:run' });
    expect((await factsOf(bench)).counts[state]).toBe(1);
    const list = await bench.broker.inspect.list({ queue: 'default', state, limit: 10, cursor: null });
    expect(list).toEqual({
      tasks: [record],
      cursor: null,
      total: 1,
      scanned: expect.any(Number),
      readMs: bench.now(),
    });
  });

  test('times are set in the states in which they mean something, and null in the others', async () => {
    const bench = await harness.openBench();
    await fillAllStates(bench);
    const timesOf = async (id: string) => {
      const { dueMs, pendingSinceMs, finishedMs, expiresMs } = await recordOf(bench, id);
      return { dueMs, pendingSinceMs, finished: finishedMs !== null, expires: expiresMs !== null };
    };
    const now = bench.now();
    const none = { dueMs: null, pendingSinceMs: null, finished: false, expires: false };
    expect(await timesOf('scheduled')).toEqual({ ...none, dueMs: now + 9_000 });
    expect(await timesOf('retry')).toEqual({ ...none, dueMs: now + 5_000 });
    expect(await timesOf('pending')).toEqual({ ...none, pendingSinceMs: now });
    expect(await timesOf('active')).toMatchObject({ dueMs: null, finished: false, expires: false });
    expect(await timesOf('completed')).toEqual({ ...none, finished: true, expires: true });
    expect(await timesOf('cancelled')).toEqual({ ...none, finished: true, expires: true });
    expect(await timesOf('archived')).toMatchObject({ dueMs: null, pendingSinceMs: null, finished: true });
  });

  test('the facts of a queue without tasks are zeros', async () => {
    const bench = await harness.openBench();
    expect(await bench.broker.inspect.queueFacts(['never', 'used'])).toEqual(
      ['never', 'used'].map((queue) => ({
        queue,
        counts: {
          scheduled: 0,
          pending: 0,
          active: 0,
          retry: 0,
          completed: 0,
          cancelled: 0,
          archived: 0,
          aggregating: 0,
        },
        paused: false,
        pauseReason: null,
        oldestPendingMs: null,
        oldestAggregatingMs: null,
        processed: 0,
        failed: 0,
        totals: {
          enqueued: 0,
          started: 0,
          succeeded: 0,
          failed: 0,
          uncounted: 0,
          revoked: 0,
          cancelledRunning: 0,
          deferred: 0,
          recovered: 0,
          unreadable: 0,
          retried: 0,
          archived: 0,
          cancelled: 0,
          quarantined: 0,
        },
        groups: 0,
        anomalies: { dropped: 0, archived: 0, renamedKeys: 0 },
      })),
    );
  });

  test('the facts of a queue have the age of the next task', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask()]);
    await bench.advance(4_000);
    await bench.broker.submit.enqueue([aTask()]);
    await bench.advance(1_000);
    expect(await factsOf(bench)).toMatchObject({ oldestPendingMs: 5_000 });
    await takeOne(bench);
    expect(await factsOf(bench)).toMatchObject({ oldestPendingMs: 1_000 });
  });
}

function lists(harness: Harness): void {
  test('pending tasks are listed in pages, next to run first', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(7, 't'));
    expect(await pages(bench, 'pending', 3)).toEqual([['t0', 't1', 't2'], ['t3', 't4', 't5'], ['t6']]);
  });

  test('scheduled tasks and retries are listed earliest first', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'late', delayMs: 9_000 }),
      aTask({ id: 'early', delayMs: 1_000 }),
      aTask({ id: 'middle', delayMs: 5_000 }),
    ]);
    expect((await pages(bench, 'scheduled', 2)).flat()).toEqual(['early', 'middle', 'late']);
    await bench.broker.submit.enqueue(manyTasks(3, 'r'));
    const [r0, r1, r2] = await take(bench);
    await end(bench, finish.retry(r0!, 9_000), finish.retry(r1!, 1_000), finish.retry(r2!, 5_000));
    expect((await pages(bench, 'retry', 2)).flat()).toEqual(['r1', 'r2', 'r0']);
  });

  test('finished tasks are listed oldest first, and pages leave none out', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(5, 'c', { retentionMs: 600_000 }));
    await bench.broker.submit.enqueue(manyTasks(5, 'd'));
    for (const task of await take(bench)) {
      await end(bench, task.id.startsWith('c') ? finish.succeeded(task) : finish.archive(task));
      await bench.advance(1_000);
    }
    expect(await pages(bench, 'completed', 2)).toEqual([['c0', 'c1'], ['c2', 'c3'], ['c4']]);
    expect((await pages(bench, 'archived', 3)).flat()).toEqual(['d0', 'd1', 'd2', 'd3', 'd4']);
  });

  test('completed and cancelled tasks are listed and counted separately', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(6, 't', { retentionMs: 600_000 }));
    for (const id of ['t1', 't3', 't4']) await bench.broker.control.cancel({ queue: 'default', id }, {});
    const tasks = await take(bench);
    await end(bench, ...tasks.map((task) => finish.succeeded(task)));
    expect((await pages(bench, 'completed', 2)).flat().sort()).toEqual(['t0', 't2', 't5']);
    expect((await pages(bench, 'cancelled', 2)).flat().sort()).toEqual(['t1', 't3', 't4']);
    expect((await factsOf(bench)).counts).toMatchObject({ completed: 3, cancelled: 3 });
    const list = { queue: 'default', limit: 1, cursor: null } as const;
    expect(await bench.broker.inspect.list({ ...list, state: 'completed' })).toMatchObject({ total: 3 });
    expect(await bench.broker.inspect.list({ ...list, state: 'cancelled' })).toMatchObject({ total: 3 });
  });

  test('a page has the total number of tasks, and a full last page ends the list', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(4, 't'));
    const list = { queue: 'default', state: 'pending', limit: 3 } as const;
    const first = await bench.broker.inspect.list({ ...list, cursor: null });
    expect(first.total).toBe(4);
    expect(first.cursor).not.toBeNull();
    const second = await bench.broker.inspect.list({ ...list, cursor: first.cursor });
    expect(second).toMatchObject({ total: 4, cursor: null });
    expect((await pages(bench, 'pending', 500)).flat()).toHaveLength(4);
  });

  test('a page ends early when records of attempts make it large, and pages leave none out', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(6, 't', { maxRetries: 0 }));
    const record = { exchange: { response: 'x'.repeat(1_048_576) } };
    for (const task of await take(bench, { room: 6 }))
      await end(bench, { task, outcome: 'archive', record: aRecord(task, record) });
    const seen = await pages(bench, 'archived', 500);
    expect(seen.length).toBeGreaterThan(1);
    expect(Math.max(...seen.map(({ length }) => length))).toBeLessThan(5);
    expect(seen.flat().sort()).toEqual(['t0', 't1', 't2', 't3', 't4', 't5']);
  });

  test('an empty list is one empty page', async () => {
    const { broker, now } = await harness.openBench();
    for (const state of LISTED) {
      const page = await broker.inspect.list({ queue: 'default', state, limit: 10, cursor: null });
      expect(page).toEqual({ tasks: [], cursor: null, total: 0, scanned: 0, readMs: now() });
    }
  });
}

function finding(harness: Harness): void {
  async function orders(bench: Bench): Promise<void> {
    await bench.broker.submit.enqueue([
      aTask({ id: 'order-1' }),
      aTask({ id: 'shop.order-1', meta: { business: 'shop' } }),
      aTask({ id: 'bank.order-1', meta: { business: 'bank' }, queue: 'default~cb' }),
      aTask({ id: 'shop.order-2', meta: { business: 'shop' } }),
    ]);
  }
  const queues = ['default', 'default~cb', 'empty'];
  const plain = { queue: 'default', id: 'order-1', business: null };
  const shop = { queue: 'default', id: 'shop.order-1', business: 'shop' };
  const bank = { queue: 'default~cb', id: 'bank.order-1', business: 'bank' };

  test('tasks are found by their plain ID across queues and businesses', async () => {
    const bench = await harness.openBench();
    await orders(bench);
    const found = await bench.broker.inspect.find(queues, 'order-1', { any: true });
    expect([...found].sort((a, b) => a.id.localeCompare(b.id))).toEqual([bank, plain, shop]);
    expect(await bench.broker.inspect.find(['default~cb'], 'order-1', { any: true })).toEqual([bank]);
    expect(await bench.broker.inspect.find(queues, 'order-3', { any: true })).toEqual([]);
  });

  test('a business finds its own tasks only', async () => {
    const bench = await harness.openBench();
    await orders(bench);
    const { inspect } = bench.broker;
    expect(await inspect.find(queues, 'order-1', { business: 'shop' })).toEqual([shop]);
    expect(await inspect.find(queues, 'order-1', { business: null })).toEqual([plain]);
    expect(await inspect.find(queues, 'order-2', { business: null })).toEqual([]);
    expect(await inspect.find(queues, 'order-2', { business: 'bank' })).toEqual([]);
    expect(await inspect.find(queues, 'order-1', { business: 'unknown' })).toEqual([]);
  });

  test("an ID that merely looks like a business's is not treated as one", async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'shop.order-1' })]);
    expect(await bench.broker.inspect.find(['default'], 'order-1', { business: 'shop' })).toEqual([]);
    expect(await bench.broker.inspect.find(['default'], 'order-1', { any: true })).toEqual([]);
    expect(await bench.broker.inspect.find(['default'], 'shop.order-1', { business: null })).toEqual([
      { queue: 'default', id: 'shop.order-1', business: null },
    ]);
  });
}

function statistics(harness: Harness): void {
  const DAY_MS = 86_400_000;
  const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

  test('a history has a line per UTC day, today first, and zeros for days without tasks', async () => {
    const bench = await harness.openBench();
    const { inspect, submit } = bench.broker;
    await submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
    await end(bench, finish.succeeded(await takeOne(bench)));
    const first = dayOf(bench.now());
    await bench.advance(2 * DAY_MS);
    await end(bench, finish.archive(await takeOne(bench)));
    const today = dayOf(bench.now());
    const between = dayOf(bench.now() - DAY_MS);
    expect(await inspect.history('default', 4)).toEqual([
      { day: today, processed: 1, failed: 1 },
      { day: between, processed: 0, failed: 0 },
      { day: first, processed: 1, failed: 0 },
      { day: dayOf(bench.now() - 3 * DAY_MS), processed: 0, failed: 0 },
    ]);
    expect(await inspect.history('never', 1)).toEqual([{ day: today, processed: 0, failed: 0 }]);
  });

  test('the memory that tasks and schedules take grows with their number and size', async () => {
    const bench = await harness.openBench();
    const { inspect, submit } = bench.broker;
    expect(await inspect.memoryUsage('default')).toBe(0);
    const payload = Buffer.alloc(1_000, 'x');
    await submit.enqueue(manyTasks(100, 't', { payload }));
    const pending = await inspect.memoryUsage('default');
    expect(pending).toBeGreaterThan(100_000);
    expect(pending).toBeLessThan(300_000);
    await submit.enqueue(manyTasks(100, 's', { payload, delayMs: 60_000 }));
    await submit.enqueue(manyTasks(100, 'g', { payload, group: 'g' }));
    const tasks = await inspect.memoryUsage('default');
    expect(tasks).toBeGreaterThan(2.5 * pending);
    const spec = JSON.stringify('x'.repeat(1_000));
    await putAll(bench, ...Array.from({ length: 50 }, (_, i) => aSchedule({ name: `s${i}`, spec })));
    expect(await inspect.memoryUsage('default')).toBeGreaterThan(tasks + 25_000);
  });

  test('groups are listed by name with their sizes', async () => {
    const bench = await harness.openBench();
    const { inspect, submit } = bench.broker;
    await submit.enqueue([...manyTasks(3, 'b', { group: 'b:1' }), ...manyTasks(2, 'a', { group: 'a ä' })]);
    await submit.enqueue([aTask({ id: 'later', group: 'later', delayMs: 60_000 })]);
    expect(await inspect.groups('default')).toEqual([
      { group: 'a ä', size: 2 },
      { group: 'b:1', size: 3 },
    ]);
    expect(await inspect.groups('never')).toEqual([]);
  });

  test('an active task is orphaned once its lease is over', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
    const task = await takeOne(bench);
    await bench.advance(LEASE_MS - 1_500);
    await takeOne(bench);
    const orphanedById = async () => {
      const request = { queue: 'default', state: 'active', limit: 9, cursor: null } as const;
      const { tasks } = await bench.broker.inspect.list(request);
      return tasks.map(({ id, orphaned }) => [id, orphaned]);
    };
    expect(await orphanedById()).toEqual([
      ['a', false],
      ['b', false],
    ]);
    await bench.advance(2_500);
    expect(await orphanedById()).toEqual([
      ['a', true],
      ['b', false],
    ]);
    await bench.broker.consume.extend([task], LEASE_MS);
    expect(await orphanedById()).toEqual([
      ['a', false],
      ['b', false],
    ]);
    expect(await recordOf(bench, 'a')).toMatchObject({ orphaned: false });
  });

  test('a queue exists from its first task on', async () => {
    const { broker } = await harness.openBench();
    expect(await broker.inspect.exists('default')).toBe(false);
    await broker.submit.enqueue([aTask()]);
    expect(await broker.inspect.exists('default')).toBe(true);
    expect(await broker.inspect.exists('other')).toBe(false);
  });
}

export function inspectSuite(harness: Harness): void {
  describe('inspect', () => {
    records(harness);
    lists(harness);
    finding(harness);
    statistics(harness);

    test('inspecting changes nothing', async () => {
      const bench = await harness.openBench();
      await bench.broker.inspect.queueFacts(['default']);
      await bench.broker.inspect.list({ queue: 'default', state: 'pending', limit: 1, cursor: null });
      expect(await bench.broker.inspect.queues()).toEqual([]);
      expect(await exchange(bench)).toMatchObject({ tasks: [], quarantined: [] });
    });
  });
}
