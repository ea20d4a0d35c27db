import { describe, expect, test } from 'vitest';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { countsOf, end, factsOf, idsOf, recordOf, take, takeOne, exchange, type Harness } from './harness.ts';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

function payloads(harness: Harness): void {
  test.each([
    ['every byte', everyByte],
    ['integers of 19 digits', Buffer.from('{"order":1234567890123456789,"n":-9223372036854775808}')],
    ['text beyond ASCII', Buffer.from('{"name":"Łódź 東京 🚚"}')],
    ['no bytes at all', Buffer.alloc(0)],
  ])('a payload of %s arrives byte for byte', async (_, payload) => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', payload })]);
    const seen = await recordOf(bench, 'a');
    const taken = await takeOne(bench);
    expect(Buffer.from(seen.payload ?? 'null')).toEqual(payload);
    expect(Buffer.from(taken.payload ?? 'null')).toEqual(payload);
  });

  test('a task without a payload differs from one with an empty payload', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', payload: null })]);
    expect((await recordOf(bench, 'a')).payload).toBeNull();
    expect((await takeOne(bench)).payload).toBeNull();
  });

  test('a payload of a megabyte arrives', async () => {
    const bench = await harness.openBench();
    const payload = Buffer.alloc(1_048_576, everyByte);
    await bench.broker.submit.enqueue([aTask({ id: 'a', payload })]);
    const taken = await takeOne(bench);
    expect(Buffer.compare(Buffer.from(taken.payload ?? ''), payload)).toBe(0);
  });
}

function fields(harness: Harness): void {
  test('every field of a task arrives at the worker and in its record', async () => {
    const bench = await harness.openBench();
    const task = aTask({
      id: 'shop.order:7',
      type: 'order:pay für 東京',
      headers: { traceparent: '00-aa-bb-01', 'x-ümlaut': 'Grüße', empty: '' },
      maxRetries: 7,
      timeoutMs: 90_000,
      deadlineMs: Math.ceil(bench.now() / 1_000) * 1_000 + 3_600_000,
      retentionMs: 60_000,
      meta: {
        createdMs: bench.now(),
        business: 'shop',
        tags: ['a', 'ü'],
        origin: 'api',
        createdBy: 'key_1',
        contentType: 'application/json',
        timeoutMs: 89_500,
        backoff: { kind: 'fixed', delayMs: 5, jitter: 0 },
        callback: { url: 'http://example.com/ü', headers: { a: 'b' } },
      },
    });
    await bench.broker.submit.enqueue([task]);
    const { type, headers, maxRetries, timeoutMs, deadlineMs, retentionMs, meta } = task;
    const same = { id: task.id, type, headers, maxRetries, timeoutMs, deadlineMs, retentionMs, meta };
    expect(await recordOf(bench, task.id)).toMatchObject({ ...same, state: 'pending' });
    const taken = await takeOne(bench);
    expect(taken).toMatchObject({ ...same, queue: 'default', retried: 0, crashes: 0, attempt: 1 });
    expect(taken.pendingSinceMs).toBe(bench.now());
  });

  test('limits are stored in whole seconds: timeouts are rounded down to at least one, the others up', async () => {
    const bench = await harness.openBench();
    const deadlineMs = Math.ceil(bench.now() / 1_000) * 1_000 + 60_001;
    const task = aTask({ id: 'a', timeoutMs: 1_900, deadlineMs, retentionMs: 1 });
    await bench.broker.submit.enqueue([task, aTask({ id: 'short', timeoutMs: 20 })]);
    expect(await recordOf(bench, 'short')).toMatchObject({ timeoutMs: 1_000 });
    const rounded = { timeoutMs: 1_000, deadlineMs: deadlineMs + 999, retentionMs: 1_000 };
    expect(await recordOf(bench, 'a')).toMatchObject(rounded);
    expect(await takeOne(bench)).toMatchObject(rounded);
  });

  test('a task without headers, meta and limits comes back without them', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ timeoutMs: 0, maxRetries: 0 })]);
    expect(await takeOne(bench)).toMatchObject({
      headers: {},
      meta: {},
      maxRetries: 0,
      timeoutMs: 0,
      deadlineMs: 0,
      retentionMs: 0,
    });
  });
}

function conflicts(harness: Harness): void {
  test('an ID that is taken is refused, and its task stays as it is', async () => {
    const bench = await harness.openBench();
    const { submit } = bench.broker;
    await submit.enqueue([aTask({ id: 'a', type: 'first' })]);
    const outcomes = await submit.enqueue([
      aTask({ id: 'a', type: 'second', delayMs: 5_000 }),
      aTask({ id: 'b' }),
    ]);
    expect(outcomes).toMatchObject([{ code: 'task-exists' }, { code: 'created' }]);
    expect(await recordOf(bench, 'a')).toMatchObject({ type: 'first', state: 'pending' });
    expect(await countsOf(bench)).toEqual({ pending: 2 });
  });

  test('the first of two tasks with the same ID in a call is stored', async () => {
    const bench = await harness.openBench();
    const outcomes = await bench.broker.submit.enqueue([
      aTask({ id: 'a', type: 'first' }),
      aTask({ id: 'b' }),
      aTask({ id: 'a', type: 'second' }),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual(['created', 'created', 'task-exists']);
    expect((await take(bench)).map(({ id, type }) => `${id} ${type}`)).toEqual(['a first', 'b test:run']);
  });

  test('an ID is taken in every state of its task', async () => {
    const bench = await harness.openBench();
    const { submit, control } = bench.broker;
    await submit.enqueue(manyTasks(4, 't', { retentionMs: 60_000 }));
    const [done, failed, again] = await take(bench, { room: 4 });
    await end(bench, finish.succeeded(done!), finish.archive(failed!), finish.retry(again!, 5_000));
    await submit.enqueue([aTask({ id: 'later', delayMs: 5_000 }), aTask({ id: 'off' })]);
    await control.cancel({ queue: 'default', id: 'off' }, {});
    expect(await countsOf(bench)).toEqual({
      completed: 1,
      archived: 1,
      retry: 1,
      active: 1,
      scheduled: 1,
      cancelled: 1,
    });
    const ids = ['t0', 't1', 't2', 't3', 'later', 'off'];
    const outcomes = await submit.enqueue(ids.map((id) => aTask({ id })));
    expect(outcomes.map(({ code }) => code)).toEqual(ids.map(() => 'task-exists'));
  });

  test('an ID is free again when its task has been removed', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await bench.broker.submit.enqueue([aTask({ id: 'a' })])).toMatchObject([{ code: 'created' }]);
  });

  test('two queues may have tasks with the same ID', async () => {
    const bench = await harness.openBench();
    const outcomes = await bench.broker.submit.enqueue([
      aTask({ id: 'a', queue: 'default' }),
      aTask({ id: 'a', queue: 'default~cb' }),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual(['created', 'created']);
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await countsOf(bench, 'default~cb')).toEqual({ pending: 1 });
  });
}

function order(harness: Harness): void {
  test('a call without tasks succeeds', async () => {
    const { broker } = await harness.openBench();
    expect(await broker.submit.enqueue([])).toEqual([]);
  });

  test('tasks are taken first in, first out, within a call and across calls', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(['c', 'a', 'b'].map((id) => aTask({ id })));
    await bench.broker.submit.enqueue(['e', 'd'].map((id) => aTask({ id })));
    expect(idsOf(await take(bench))).toEqual(['c', 'a', 'b', 'e', 'd']);
  });

  test('a thousand tasks for several queues in one call get their outcomes in order', async () => {
    const bench = await harness.openBench();
    const queues = ['default', 'high', 'default~cb'];
    const tasks = manyTasks(1_000, 't').map((task, i) => ({ ...task, queue: queues[i % 3]! }));
    tasks[700] = { ...tasks[700]!, id: 't1', queue: queues[1]! };
    const outcomes = await bench.broker.submit.enqueue(tasks);
    expect(outcomes).toHaveLength(1_000);
    expect(outcomes.flatMap(({ code }, i) => (code === 'created' ? [] : [[i, code]]))).toEqual([
      [700, 'task-exists'],
    ]);
    const expected = tasks.filter(({ queue }, i) => queue === 'high' && i !== 700);
    const taken = [
      ...(await take(bench, { queues: ['high'], room: 200 })),
      ...(await take(bench, { queues: ['high'], room: 200 })),
    ];
    expect(idsOf(taken)).toEqual(idsOf(expected));
  });

  test('concurrent calls get their own outcomes', async () => {
    const bench = await harness.openBench();
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) => bench.broker.submit.enqueue([aTask({ id: `t${i % 50}` })])),
    );
    expect(outcomes.flat().filter(({ code }) => code === 'created')).toHaveLength(50);
    expect(await countsOf(bench)).toEqual({ pending: 50 });
  });

  test('a queue is listed from its first task on', async () => {
    const bench = await harness.openBench();
    expect(await bench.broker.inspect.queues()).toEqual([]);
    await bench.broker.submit.enqueue([aTask({ queue: 'b' }), aTask({ queue: 'a', delayMs: 1_000 })]);
    expect(await bench.broker.inspect.queues()).toEqual(['a', 'b']);
  });
}

function schedule(harness: Harness): void {
  test('a delayed task is due after its delay, to the millisecond', async () => {
    const bench = await harness.openBench();
    const dueMs = bench.now() + 1_234;
    const [outcome] = await bench.broker.submit.enqueue([aTask({ id: 'a', delayMs: 1_234 })]);
    expect(outcome).toEqual({ code: 'created', state: 'scheduled', dueMs });
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'scheduled', dueMs, pendingSinceMs: null });
    expect(await take(bench)).toEqual([]);
  });

  test('a task with a start time is due then', async () => {
    const bench = await harness.openBench();
    const runAtMs = bench.now() + 86_400_001;
    expect(await bench.broker.submit.enqueue([aTask({ runAtMs })])).toEqual([
      { code: 'created', state: 'scheduled', dueMs: runAtMs },
    ]);
  });

  test('the later of a delay and a start time counts', async () => {
    const bench = await harness.openBench();
    const now = bench.now();
    const outcomes = await bench.broker.submit.enqueue([
      aTask({ delayMs: 1_000, runAtMs: now + 2_000 }),
      aTask({ delayMs: 3_000, runAtMs: now + 2_000 }),
    ]);
    expect(outcomes).toMatchObject([{ dueMs: now + 2_000 }, { dueMs: now + 3_000 }]);
  });

  test('a task whose start time has passed is pending at once', async () => {
    const bench = await harness.openBench();
    const now = bench.now();
    const outcomes = await bench.broker.submit.enqueue([
      aTask({ id: 'past', runAtMs: now - 3_600_000 }),
      aTask({ id: 'now', runAtMs: now }),
    ]);
    expect(outcomes).toMatchObject([{ state: 'pending' }, { state: 'pending' }]);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ dueMs: expect.toSatisfy((ms) => ms <= now) });
    expect(idsOf(await take(bench))).toEqual(['past', 'now']);
  });

  test('a start time far in the future is stored exactly', async () => {
    const bench = await harness.openBench();
    const runAtMs = Date.UTC(2_100, 0, 1) + 1;
    await bench.broker.submit.enqueue([aTask({ id: 'a', runAtMs })]);
    expect(await recordOf(bench, 'a')).toMatchObject({ dueMs: runAtMs });
  });
}

export function submitSuite(harness: Harness): void {
  describe('submit', () => {
    payloads(harness);
    fields(harness);
    conflicts(harness);
    order(harness);
    schedule(harness);

    test('enqueueing counts nothing as processed', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([aTask()]);
      await exchange(bench);
      expect(await factsOf(bench)).toMatchObject({ processed: 0, failed: 0 });
    });
  });
}
