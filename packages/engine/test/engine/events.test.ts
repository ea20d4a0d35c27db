import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { LeasedTask } from '../../src/broker/consume.ts';
import { connect } from '../../src/connect.ts';
import { HandlerError } from '../../src/errors/handler-errors.ts';
import { Events, type EngineEvents, type EventName } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { FiringBench, MINUTE_MS, START_MS } from '../support/firing.ts';
import { nextEvent } from '../support/next-event.ts';
import { hasRedis, startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const CALLBACK = { url: 'https://erp.example.com/hooks/task' };

/** All events of these names, as they come. */
function record<N extends EventName>(events: Events, name: N): EngineEvents[N][] {
  const seen: EngineEvents[N][] = [];
  events.on(name, (event) => void seen.push(event));
  return seen;
}

describe.each(brokerKinds)('events on $name', ({ name, available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let events: Events;
  let workers: Worker[];
  let compared: EngineEvents['clock.compared'][];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    events = new Events();
    compared = record(events, 'clock.compared');
    broker = await store.connect({ runtime: { events, random: () => 0 } });
    workers = [];
  });

  afterEach(async () => {
    if (!available) return;
    await Promise.all(workers.map((worker) => worker.stop()));
    await store.remove();
  });

  /** Starts a worker for tasks of the type `test:run`. Its events are those of the broker: it has none of its own. */
  async function work(run: (task: { readonly id: string; readonly attempt: number }) => unknown) {
    const worker = new Worker(broker);
    workers.push(worker);
    await worker.handle('test:run', run).start();
  }

  test('a submission is told once for each queue, with what became of its tasks', async () => {
    const enqueued = record(events, 'tasks.enqueued');
    const [first, ...others] = manyTasks(3, 'a');
    await broker.submit.enqueue([first!]);
    await broker.submit.enqueue([first!, ...others, aTask({ queue: 'other', uniqueMs: 60_000 })]);
    await broker.submit.enqueue([aTask({ queue: 'other', uniqueMs: 60_000 })]);
    const none = { tasks: 1, created: 0, existing: 0, duplicate: 0, failed: 0 };
    expect(enqueued).toEqual([
      { ...none, queue: 'default', created: 1 },
      { ...none, queue: 'default', tasks: 3, created: 2, existing: 1 },
      { ...none, queue: 'other', created: 1 },
      { ...none, queue: 'other', duplicate: 1 },
    ]);
  });

  test('a submission that fails as a whole is told as failed', async () => {
    const enqueued = record(events, 'tasks.enqueued');
    await broker.close();
    await expect(broker.submit.enqueue(manyTasks(2, 'a'))).rejects.toMatchObject({ code: 'broker-closed' });
    expect(enqueued).toEqual([
      { queue: 'default', tasks: 2, created: 0, existing: 0, duplicate: 0, failed: 2 },
    ]);
  });

  test('an attempt is told when it starts and when its end is accepted, with its wait and its callback', async () => {
    const [started, finished] = [record(events, 'attempt.started'), record(events, 'attempt.finished')];
    const archived = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'archived');
    await broker.submit.enqueue([
      aTask({
        id: 'a',
        maxRetries: 1,
        meta: { business: 'shop', callback: CALLBACK, backoff: { kind: 'fixed', delayMs: 1 } },
      }),
    ]);
    await work(({ attempt }) => {
      throw new HandlerError('no', { errorClass: 'http_status', status: 500 + attempt });
    });
    await archived;
    const task = { queue: 'default', id: 'a' };
    const about = (attempt: number) => ({
      task,
      type: 'test:run',
      attempt,
      business: 'shop',
      callback: CALLBACK,
      waitMs: expect.any(Number),
    });
    expect(started).toEqual([about(1), about(2)]);
    const end = (attempt: number, outcome: string) => ({
      ...about(attempt),
      outcome,
      runMs: expect.any(Number),
      record: expect.objectContaining({
        number: attempt,
        outcome: 'failed',
        error: expect.objectContaining({ class: 'http_status', status: 500 + attempt }),
      }),
    });
    expect(finished).toEqual([end(1, 'failed'), end(2, 'archived')]);
    expect(finished.map(({ waitMs }) => waitMs)).toEqual(finished.map(({ record: kept }) => kept?.waitMs));
  });

  test('the refusal of an end that comes too late is told as the cause of a lost lease', async () => {
    const leased = new Map<string, LeasedTask>();
    const { exchange } = broker.consume;
    const spied: Broker = {
      ...broker,
      consume: {
        ...broker.consume,
        async exchange(call, options) {
          const outcome = await exchange(call, options);
          for (const task of outcome.tasks) leased.set(task.id, task);
          return outcome;
        },
      },
    };
    const lost = nextEvent(events, 'lease.lost');
    const finished = nextEvent(events, 'attempt.finished');
    const worker = new Worker(spied);
    workers.push(worker);
    await worker
      .handle('test:run', async ({ id }) => {
        const ended = { finishes: [finish.succeeded(leased.get(id)!)], queues: [], room: 0 };
        await exchange({ ...ended, leaseMs: 1_000, worker: 'other' });
      })
      .start();
    await broker.submit.enqueue([aTask({ id: 'a' })]);
    expect(await lost).toEqual({ task: { queue: 'default', id: 'a' }, cause: 'refused' });
    expect(await finished).toMatchObject({ outcome: 'lost', waitMs: null, record: null });
  });

  test('how late due tasks became pending is told once for the call', async () => {
    const forwarded = nextEvent(events, 'tasks.forwarded');
    const ended = nextEvent(events, 'attempt.finished');
    await broker.submit.enqueue([aTask({ id: 'a', delayMs: 50 })]);
    await work(() => {});
    await ended;
    const { queue, moved, lateMs } = await forwarded;
    expect({ queue, moved }).toEqual({ queue: 'default', moved: 1 });
    expect(lateMs).toBeGreaterThanOrEqual(0);
  });

  test('a fire is told with how late it was made, and those left out together with their cause', async () => {
    // A file takes one process.
    await broker.close();
    const clock = { nowMs: START_MS };
    const bench = new FiringBench(await store.connect({ nowMs: () => clock.nowMs }), 'q', clock);
    const skipped = record(bench.runtime.events, 'schedule.skipped');
    await bench.put({ shards: 2, misfire: { policy: 'skip' } });
    bench.advance(MINUTE_MS + 7);
    await bench.fire();
    bench.advance(10 * MINUTE_MS);
    await bench.fire();
    const minute = (count: number) => START_MS + count * MINUTE_MS;
    const about = { queue: 'q', schedule: 'q' };
    const fired = { ...about, outcome: 'fired', lateMs: 7, taskId: expect.any(String), tasks: 2 };
    expect(bench.fired).toEqual([1, 11].map((count) => ({ ...fired, fireMs: minute(count) })));
    expect(skipped).toEqual([
      { ...about, outcome: 'skipped_misfire', count: 9, fromMs: minute(2), toMs: minute(10) },
    ]);
  });

  test('each call of the broker is told with its size, its time and its error', async () => {
    const called = record(events, 'broker.called');
    await broker.submit.enqueue(manyTasks(3, 'a'));
    await broker.consume.exchange({
      finishes: [],
      queues: ['default'],
      room: 2,
      leaseMs: 5_000,
      worker: 'w',
    });
    await broker.inspect.queueFacts(['default', 'other']);
    await broker.close();
    await expect(broker.inspect.queueFacts(['default'])).rejects.toMatchObject({ code: 'broker-closed' });
    const told = (op: string, tasks: number | null, error: string | null = null) => ({
      broker: broker.name,
      op,
      tasks,
      ms: expect.any(Number),
      error,
    });
    expect(called).toEqual([
      told('submit.enqueue', 3),
      told('consume.exchange', 2),
      told('inspect.queueFacts', 2),
      told('inspect.queueFacts', 1, 'broker-closed'),
    ]);
  });

  test('the clock is compared with that of a server when it is connected to', () => {
    expect(compared).toEqual(
      name === 'Redis' ? [{ broker: broker.name, server: 'server', skewMs: expect.any(Number) }] : [],
    );
  });
});

describe.skipIf(!hasRedis())('an outage of Redis', () => {
  test('is told once when it begins, and once when a call is answered again', async () => {
    const redis = await startRedis({ appendonly: true });
    onTestFinished(() => redis.stop());
    const events = new Events();
    const broker = await connect(redis.url, { runtime: { events } });
    onTestFinished(() => broker.close());
    const told = record(events, 'broker.up');
    const ask = () => broker.inspect.queueFacts(['default']);
    await ask();
    expect(told).toEqual([]);
    await redis.end();
    for (let call = 0; call < 2; call += 1)
      await expect(ask()).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(told).toEqual([{ broker: broker.name, isUp: false }]);
    const isUp = nextEvent(events, 'broker.up');
    await redis.restart();
    // The first calls may still meet the connection that is gone.
    await until(() => ask().then(Boolean, () => false));
    await ask();
    await isUp;
    expect(told.map((event) => event.isUp)).toEqual([false, true]);
  });
});
