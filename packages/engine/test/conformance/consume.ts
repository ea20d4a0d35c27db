import { describe, expect, test } from 'vitest';
import { aRecord, aTask, finish, manyTasks } from '../support/factories.ts';
import { finishSuite } from './finish.ts';
import { giveBackSuite } from './give-back.ts';
import { leaveSuite } from './leave.ts';
import { countsOf, end, idsOf, recordOf, take, takeOne, exchange, type Harness } from './harness.ts';
import { leaseSuite } from './leases.ts';

const KIB = 1_024;

function fetching(harness: Harness): void {
  test('an exchange takes from the queues in their order, and from each first in, first out', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'l1', queue: 'low' }),
      aTask({ id: 'h1', queue: 'high' }),
      aTask({ id: 'l2', queue: 'low' }),
      aTask({ id: 'h2', queue: 'high' }),
      aTask({ id: 'x', queue: 'other' }),
    ]);
    const first = await take(bench, { queues: ['high', 'low'], room: 3 });
    expect(first.map(({ queue, id }) => `${queue} ${id}`)).toEqual(['high h1', 'high h2', 'low l1']);
    expect(idsOf(await take(bench, { queues: ['high', 'low'], room: 3 }))).toEqual(['l2']);
  });

  test('an exchange takes no more than its room', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(5, 't'));
    expect(idsOf(await take(bench, { room: 2 }))).toEqual(['t0', 't1']);
    expect(await countsOf(bench)).toEqual({ pending: 3, active: 2 });
  });

  test('with shares each queue yields its share first, and queues with more tasks fill the remaining room', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      ...manyTasks(20, 'a', { queue: 'a' }),
      ...manyTasks(2, 'b', { queue: 'b' }),
      ...manyTasks(20, 'c', { queue: 'c' }),
    ]);
    const shares = { queues: ['a', 'b', 'c', 'none'], shares: [3, 4, 2, 1], room: 10 };
    const ids = idsOf(await take(bench, shares));
    expect(ids.filter((id) => id.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
    expect(ids.filter((id) => id.startsWith('b'))).toEqual(['b0', 'b1']);
    expect(ids.filter((id) => id.startsWith('c'))).toEqual(['c0', 'c1']);
    expect(await take(bench, { ...shares, room: 256 })).toHaveLength(32);
  });

  test('an exchange without room takes nothing', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask()]);
    expect(await exchange(bench, { room: 0 })).toEqual({
      finished: [],
      tasks: [],
      quarantined: [],
      hasLeft: false,
    });
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });

  test('an exchange over empty and unknown queues takes nothing', async () => {
    const bench = await harness.openBench();
    expect(await exchange(bench, { queues: ['nothing', 'here'] })).toEqual({
      finished: [],
      tasks: [],
      quarantined: [],
      hasLeft: false,
    });
  });

  test('a paused queue yields nothing, the others do', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'h', queue: 'high' }), aTask({ id: 'l', queue: 'low' })]);
    await bench.broker.control.pause('high');
    expect(idsOf(await take(bench, { queues: ['high', 'low'] }))).toEqual(['l']);
  });

  test('an exchange takes at most 256 tasks', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(300, 't'));
    const first = await take(bench, { room: 1_000 });
    const second = await take(bench, { room: 1_000 });
    expect([first.length, second.length]).toEqual([256, 44]);
    expect(idsOf([...first, ...second])).toEqual(Array.from({ length: 300 }, (_, i) => `t${i}`));
  });

  test('an exchange takes at most 512 KiB of messages, in order and without losing any', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(5, 't', { payload: Buffer.alloc(200 * KIB, 7) }));
    const calls: string[][] = [];
    for (let call = 0; call < 3; call += 1) calls.push(idsOf(await take(bench)));
    expect(calls).toEqual([['t0', 't1'], ['t2', 't3'], ['t4']]);
  });

  test('a task larger than the bound is taken alone', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'big', payload: Buffer.alloc(700 * KIB, 7) }),
      aTask({ id: 'small' }),
    ]);
    expect(idsOf(await take(bench))).toEqual(['big']);
    expect(idsOf(await take(bench))).toEqual(['small']);
  });

  test('a taken task is active, with its worker and start time', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    await bench.advance(1_500);
    const task = await takeOne(bench, { worker: 'host-1:77' });
    expect(task.token).toBeGreaterThan(0);
    expect(task).toMatchObject({ attempt: 1, crashes: 0, pendingSinceMs: bench.now() - 1_500 });
    expect(await recordOf(bench, 'a')).toMatchObject({
      state: 'active',
      worker: 'host-1:77',
      attempt: 1,
      startedMs: bench.now(),
      finishedMs: null,
    });
  });

  test('concurrent exchanges never take a task twice', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(60, 't'));
    const exchanges = await Promise.all(Array.from({ length: 10 }, () => take(bench, { room: 9 })));
    const ids = idsOf(exchanges.flat());
    expect(new Set(ids).size).toBe(60);
    expect(ids).toHaveLength(60);
  });
}

function finishingAndTaking(harness: Harness): void {
  test('one exchange finishes attempts of several queues and takes new tasks', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'a', queue: 'high' }),
      aTask({ id: 'b', queue: 'low', retentionMs: 60_000 }),
      aTask({ id: 'c', queue: 'high' }),
      aTask({ id: 'd', queue: 'low' }),
    ]);
    const [a, c] = await take(bench, { queues: ['high'] });
    const b = await takeOne(bench, { queues: ['low'] });
    await bench.broker.submit.enqueue([aTask({ id: 'e', queue: 'high' })]);
    const outcome = await exchange(bench, {
      finishes: [finish.succeeded(a!), finish.succeeded(b), finish.retry(c!, 1_000)],
      queues: ['high', 'low'],
      room: 5,
    });
    expect(outcome.finished).toEqual(['accepted', 'accepted', 'accepted']);
    expect(idsOf(outcome.tasks)).toEqual(['e', 'd']);
    expect(await countsOf(bench, 'high')).toEqual({ active: 1, retry: 1 });
    expect(await countsOf(bench, 'low')).toEqual({ active: 1, completed: 1 });
  });

  test('a task given back in an exchange may be taken again by the same exchange', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    const a = await takeOne(bench);
    const outcome = await exchange(bench, { finishes: [finish.requeue(a)] });
    expect(outcome.finished).toEqual(['accepted']);
    expect(idsOf(outcome.tasks)).toEqual(['a']);
    expect(await end(bench, finish.succeeded(outcome.tasks[0]!))).toEqual(['accepted']);
  });

  test('an attempt can be finished only once', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', retentionMs: 60_000 }), aTask({ id: 'b' })]);
    const [a, b] = await take(bench);
    expect(await end(bench, finish.succeeded(a!), finish.retry(a!, 5), finish.succeeded(b!))).toEqual([
      'accepted',
      'lease-lost',
      'accepted',
    ]);
    expect(await end(bench, finish.archive(a!), finish.succeeded(b!))).toEqual(['lease-lost', 'lease-lost']);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'completed', retried: 0 });
  });

  test('an exchange without queues finishes attempts, and does nothing if there are none', async () => {
    const bench = await harness.openBench();
    expect(await exchange(bench, { queues: [], room: 10 })).toEqual({
      finished: [],
      tasks: [],
      quarantined: [],
      hasLeft: false,
    });
    await bench.broker.submit.enqueue([aTask()]);
    const task = await takeOne(bench);
    expect(await exchange(bench, { finishes: [finish.succeeded(task)], queues: [], room: 10 })).toEqual({
      finished: ['accepted'],
      tasks: [],
      quarantined: [],
      hasLeft: false,
    });
  });

  test('256 finishes and 256 tasks fit one exchange', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(512, 't', { retentionMs: 60_000 }));
    const first = await take(bench, { room: 256 });
    const outcome = await exchange(bench, {
      finishes: first.map((task) => finish.succeeded(task)),
      room: 256,
    });
    expect(outcome.finished).toEqual(first.map(() => 'accepted'));
    expect(outcome.tasks).toHaveLength(256);
    expect(await countsOf(bench)).toEqual({ completed: 256, active: 256 });
  });

  test('a large attempt record is kept whole', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    const task = await takeOne(bench);
    const record = aRecord(task, {
      waitMs: 3,
      nextMs: bench.now() + 1_000,
      reason: 'default: 5xx retry',
      worker: 'w',
      error: { class: 'http_status', message: 'line one\nline two — ü "quoted"', status: 503 },
      exchange: { response: { body: 'x'.repeat(8 * KIB), headers: { a: 'b' } } },
    });
    await end(bench, { task, outcome: 'archive', record });
    expect((await recordOf(bench, 'a')).attempts).toEqual([record]);
  });
}

export function consumeSuite(harness: Harness): void {
  describe('consume', () => {
    fetching(harness);
    finishingAndTaking(harness);
    finishSuite(harness);
    giveBackSuite(harness);
    leaveSuite(harness);
    leaseSuite(harness);
  });
}
