import { describe, expect, onTestFinished, test } from 'vitest';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { hasRedis } from '../support/redis-server.ts';
import { aFire, aSchedule, aWrite, putAll, readSchedule, schedulesOf } from '../support/schedules.ts';
import {
  countsOf,
  end,
  factsOf,
  idsOf,
  LEASE_MS,
  recordOf,
  take,
  takeOne,
  exchange,
  type Bench,
} from './harness.ts';
import { redisHarness, type RedisHarness } from './redis-harness.ts';

/** A broker behind a proxy that can break its connections. */
interface Proxied {
  readonly bench: Bench;
  readonly proxy: FaultProxy;
}

/** Connects a broker through a proxy. Each script that the tests need has run once, so the server has it loaded. */
async function behindProxy(harness: RedisHarness): Promise<Proxied> {
  const proxy = await startFaultProxy(harness.port());
  onTestFinished(() => proxy.close());
  const bench = await harness.openBenchVia(proxy.url);
  const warm = { queue: 'warm-up', id: 'w' };
  await bench.broker.submit.enqueue([aTask(warm)]);
  const task = await takeOne(bench, { queues: ['warm-up'] });
  await bench.broker.consume.extend([task], LEASE_MS);
  await end(bench, finish.succeeded(task));
  await bench.broker.submit.enqueue([aTask(warm)]);
  await bench.broker.control.cancel(warm, {});
  await bench.broker.control.remove(warm);
  await bench.broker.documents.put('warm-up', 'w', {});
  return { bench, proxy };
}

type CutName = 'cutReply' | 'cutRequest';

/** Makes a call and breaks the connection at its first script. Fails if no connection was broken. */
async function callWithCut<R>({ proxy }: Proxied, cut: CutName, call: () => Promise<R>): Promise<R> {
  const before = proxy.connections;
  const hasBroken = proxy[cut]();
  const outcome = await call();
  await hasBroken;
  expect(proxy.connections).toBeGreaterThan(before);
  return outcome;
}

const CUTS = [
  ['its reply is lost', 'cutReply'],
  ['it never reaches the server', 'cutRequest'],
] as const;

describe.skipIf(!hasRedis()).each(CUTS)('a call whose connection breaks when %s', (_, cut) => {
  const harness = redisHarness();

  test('enqueues once and says created', async () => {
    const proxied = await behindProxy(harness);
    const tasks = [...manyTasks(3, 't'), aTask({ id: 'later', delayMs: 5_000 }), aTask({ id: 't0' })];
    const outcomes = await callWithCut(proxied, cut, () => proxied.bench.broker.submit.enqueue(tasks));
    const now = proxied.bench.now();
    const created = { code: 'created', state: 'pending', dueMs: now };
    expect(outcomes).toEqual([
      created,
      created,
      created,
      { code: 'created', state: 'scheduled', dueMs: now + 5_000 },
      { code: 'task-exists' },
    ]);
    expect(idsOf(await take(proxied.bench))).toEqual(['t0', 't1', 't2']);
    expect(await countsOf(proxied.bench)).toEqual({ active: 3, scheduled: 1 });
    expect(await factsOf(proxied.bench)).toMatchObject({ totals: { enqueued: 4, started: 3 } });
  });

  test('does not enqueue a task again that has run and been removed meanwhile', async () => {
    const proxied = await behindProxy(harness);
    const other = await harness.broker();
    const hasBroken = proxied.proxy[cut]();
    const enqueued = proxied.bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    await hasBroken;
    const early = await other.consume.exchange({
      finishes: [],
      queues: ['default'],
      room: 1,
      leaseMs: LEASE_MS,
      worker: 'quick',
    });
    if (cut === 'cutReply') expect(idsOf(early.tasks)).toEqual(['a']);
    const finishes = early.tasks.map((task) => finish.succeeded(task));
    await other.consume.exchange({ finishes, queues: [], room: 0, leaseMs: LEASE_MS, worker: 'quick' });
    expect(await enqueued).toMatchObject([{ code: 'created' }]);
    expect(await countsOf(proxied.bench)).toEqual(early.tasks.length > 0 ? {} : { pending: 1 });
  });

  test('fires a schedule once and says fired', async () => {
    const proxied = await behindProxy(harness);
    const { bench } = proxied;
    await putAll(bench, aSchedule());
    const write = await aWrite(bench, [aFire(bench)]);
    const fired = await callWithCut(proxied, cut, () => schedulesOf(bench).fire('default', [write]));
    expect(fired).toEqual([{ code: 'fired' }]);
    expect(await countsOf(bench)).toEqual({ pending: 1 });
    expect(await factsOf(bench)).toMatchObject({ totals: { enqueued: 1 } });
  });

  test('changes a schedule once and says stored', async () => {
    const proxied = await behindProxy(harness);
    const { bench } = proxied;
    await putAll(bench, aSchedule());
    const { plan: _plan, ...change } = aSchedule({ expectedRevision: 1 });
    const stored = await callWithCut(proxied, cut, () => schedulesOf(bench).put([change]));
    expect(stored).toEqual([{ code: 'stored', revision: 2 }]);
    expect(await readSchedule(bench)).toMatchObject({ revision: 2 });
  });

  test('takes the same tasks, with leases that hold', async () => {
    const proxied = await behindProxy(harness);
    await proxied.bench.broker.submit.enqueue([...manyTasks(3, 't'), aTask({ id: 'h', queue: 'high' })]);
    const queues = ['high', 'default'];
    const tasks = await callWithCut(proxied, cut, () => take(proxied.bench, { queues, room: 3 }));
    expect(idsOf(tasks)).toEqual(['h', 't0', 't1']);
    expect(tasks.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    expect(await countsOf(proxied.bench)).toEqual({ active: 2, pending: 1 });
    expect(idsOf(await take(proxied.bench, { queues }))).toEqual(['t2']);
    expect(await proxied.bench.broker.consume.extend(tasks, LEASE_MS)).toEqual([true, true, true]);
    expect(await end(proxied.bench, ...tasks.map((task) => finish.succeeded(task)))).toEqual([
      'accepted',
      'accepted',
      'accepted',
    ]);
  });

  test('finishes once and says accepted', async () => {
    const proxied = await behindProxy(harness);
    await proxied.bench.broker.submit.enqueue(manyTasks(6, 't', { retentionMs: 60_000 }));
    await proxied.bench.broker.submit.enqueue([aTask({ id: 'gone' })]);
    const [t0, t1, t2, t3, t4, t5, gone] = await take(proxied.bench);
    const stale = { ...t4!, token: (t4!.token % 999_999) + 1 };
    const finishes = [
      finish.succeeded(t0!, Buffer.from('result')),
      finish.retry(t1!, 5_000),
      finish.archive(t2!),
      finish.requeue(t3!),
      finish.succeeded(stale),
      finish.succeeded(gone!),
      finish.defer(t5!, 5_000),
    ];
    const finished = await callWithCut(proxied, cut, () => end(proxied.bench, ...finishes));
    expect(finished).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'accepted',
      'lease-lost',
      'accepted',
      'accepted',
    ]);
    expect(await countsOf(proxied.bench)).toEqual({
      completed: 1,
      retry: 1,
      archived: 1,
      pending: 1,
      active: 1,
      scheduled: 1,
    });
    const totals = { started: 7, succeeded: 2, failed: 2, retried: 1, archived: 1, deferred: 2 };
    expect(await factsOf(proxied.bench)).toMatchObject({ processed: 4, failed: 2, totals });
    expect(await recordOf(proxied.bench, 't1')).toMatchObject({ retried: 1, attempts: [{ number: 1 }] });
    expect(await recordOf(proxied.bench, 't3')).toMatchObject({ deferrals: 1, attempt: 0 });
  });

  test('finishes and takes in one exchange, each once', async () => {
    const proxied = await behindProxy(harness);
    await proxied.bench.broker.submit.enqueue(manyTasks(4, 't'));
    const first = await take(proxied.bench, { room: 2 });
    const outcome = await callWithCut(proxied, cut, () =>
      exchange(proxied.bench, { finishes: first.map((task) => finish.succeeded(task)), room: 1 }),
    );
    expect(outcome.finished).toEqual(['accepted', 'accepted']);
    expect(idsOf(outcome.tasks)).toEqual(['t2']);
    expect(await countsOf(proxied.bench)).toEqual({ active: 1, pending: 1 });
    expect(await factsOf(proxied.bench)).toMatchObject({
      processed: 2,
      totals: { started: 3, succeeded: 2 },
    });
  });

  test('renews leases', async () => {
    const proxied = await behindProxy(harness);
    await proxied.bench.broker.submit.enqueue(manyTasks(2, 't'));
    const leases = await take(proxied.bench);
    const { consume } = proxied.bench.broker;
    expect(await callWithCut(proxied, cut, () => consume.extend(leases, LEASE_MS))).toEqual([true, true]);
  });

  test('cancels and removes, and says done', async () => {
    const proxied = await behindProxy(harness);
    await proxied.bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b', delayMs: 5_000 })]);
    const { control } = proxied.bench.broker;
    const a = { queue: 'default', id: 'a' };
    const b = { queue: 'default', id: 'b' };
    expect(await callWithCut(proxied, cut, () => control.cancel(a, { by: 'me' }))).toEqual({
      code: 'done',
      from: 'pending',
    });
    expect(await callWithCut(proxied, cut, () => control.remove(b))).toEqual({
      code: 'done',
      from: 'scheduled',
    });
    expect(await callWithCut(proxied, cut, () => control.remove(a))).toEqual({
      code: 'done',
      from: 'cancelled',
    });
    expect(await countsOf(proxied.bench)).toEqual({});
    expect(await factsOf(proxied.bench)).toMatchObject({ totals: { enqueued: 2, cancelled: 1 } });
  });

  test('puts a document once', async () => {
    const proxied = await behindProxy(harness);
    const { documents } = proxied.bench.broker;
    expect(await callWithCut(proxied, cut, () => documents.put('kind', 'id', { a: 1 }, 0))).toBe(1);
    expect(await callWithCut(proxied, cut, () => documents.put('kind', 'id', { a: 2 }))).toBe(2);
    expect(await documents.get('kind', 'id')).toEqual({ id: 'id', version: 2, value: { a: 2 } });
  });

  test('takes and releases a claim once', async () => {
    const proxied = await behindProxy(harness);
    const { claims } = proxied.bench.broker;
    const times = { holder: 'a', ttlMs: 10_000 };
    const warm = await claims.take('warm-up', times);
    await claims.release('warm-up', { holder: 'a', token: warm!.token });
    const { token } = (await callWithCut(proxied, cut, () => claims.take('work', times)))!;
    const released = await callWithCut(proxied, cut, () => claims.release('work', { holder: 'a', token }));
    expect(released).toBe(cut === 'cutRequest');
    expect((await claims.take('work', { ...times, holder: 'b' }))!.token).toBeGreaterThan(token);
  });

  test('forwards each task once', async () => {
    const proxied = await behindProxy(harness);
    await proxied.bench.broker.submit.enqueue(manyTasks(3, 't', { delayMs: 10 }));
    await proxied.bench.advance(10);
    const steps = [{ queue: 'default', limit: 10 }];
    await proxied.bench.broker.maintain.forward([{ queue: 'warm-up', limit: 1 }]);
    await callWithCut(proxied, cut, () => proxied.bench.broker.maintain.forward(steps));
    expect(idsOf(await take(proxied.bench))).toEqual(['t0', 't1', 't2']);
    expect(await countsOf(proxied.bench)).toEqual({ active: 3 });
  });
});

describe.skipIf(!hasRedis())('a server that stops answering', () => {
  const harness = redisHarness();

  test('ends calls within 5 s with a clear error, but none that may wait, and serves calls again when it answers', async () => {
    const { bench, proxy } = await behindProxy(harness);
    const { submit } = bench.broker;
    proxy.swallow(true);
    const startedMs = performance.now();
    const waiting = submit.enqueue([aTask({ id: 'waits' })], { signal: new AbortController().signal });
    await expect(submit.enqueue([aTask({ id: 'a' })])).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(5_500);
    proxy.swallow(false);
    expect(await waiting).toMatchObject([{ code: 'created' }]);
    expect(await submit.enqueue([aTask({ id: 'b' })])).toMatchObject([{ code: 'created' }]);
    expect(await countsOf(bench)).toEqual({ pending: 2 });
  });
});
