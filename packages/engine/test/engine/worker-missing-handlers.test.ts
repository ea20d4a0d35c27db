import { POISON_LIMITS } from '@task-center/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import { silentLog } from '../../src/runtime/log.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';
import { until } from '../support/until.ts';

const STEPS = [{ queue: 'default', limit: 1 }];

describe.each(brokerKinds)('types without a handler on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let events: Events;
  let workers: Worker[];
  let lines: [object, string][];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
    events = new Events();
    workers = [];
    lines = [];
  });

  afterEach(async () => {
    if (!available) return;
    await Promise.all(workers.map((worker) => worker.stop()));
    await store.remove();
  });

  /** A worker that handles these types. */
  async function aWorker(types: readonly string[], options: WorkerOptions = {}): Promise<Worker> {
    const log = { ...silentLog, error: (...line: unknown[]) => void lines.push(line as never) };
    const worker = new Worker(broker, { ...options, runtime: { events, log } });
    workers.push(worker);
    for (const type of types) worker.handle(type, () => {});
    await worker.start();
    return worker;
  }

  const record = (id: string) => broker.inspect.task({ queue: 'default', id });
  const facts = async () => (await broker.inspect.queueFacts(['default']))[0]!;
  const enqueue = (task: string, count: number, options = {}) =>
    client.enqueueMany(Array.from({ length: count }, (_, i) => ({ task, id: `${task}${i}`, ...options })));
  /** Resolves when this number of tasks of the type, which is all of them, were given back at least once. */
  const deferred = (type: string, count: number) =>
    until(async () => {
      const pages = await Promise.all(
        (['pending', 'scheduled'] as const).map((state) =>
          broker.inspect.list({ queue: 'default', state, limit: 500, cursor: null }),
        ),
      );
      const tasks = pages.flatMap((page) => page.tasks);
      const ids = tasks.filter((task) => task.type === type && task.deferrals > 0).map(({ id }) => id);
      return new Set(ids).size === count;
    });

  test.each([1, 3])(
    '200 tasks that %i workers cannot run wait for one that can, at no attempt',
    async (others) => {
      for (let n = 0; n < others; n += 1) await aWorker(['a'], { concurrency: 50 });
      await enqueue('b', 200, { retention: '1h' });
      await deferred('b', 200);
      expect(await facts()).toMatchObject({ processed: 0, failed: 0, counts: { retry: 0, archived: 0 } });
      const ends = nextEvents(events, 'attempt.finished', 200);
      const sinceMs = performance.now();
      await aWorker(['a', 'b'], { concurrency: 1 });
      for (const end of await ends)
        expect(end).toMatchObject({ type: 'b', outcome: 'succeeded', attempt: 1 });
      expect(performance.now() - sinceMs).toBeLessThan(10_000);
      const task = await record('b7');
      expect(task).toMatchObject({ state: 'completed', attempt: 1, retried: 0, crashes: 0, lastError: null });
      expect(task?.attempts).toMatchObject([{ number: 1, outcome: 'succeeded' }]);
      expect(task?.waitingFor).toBeNull();
      const told = lines.filter(([fields]) => 'type' in fields);
      expect(told).toHaveLength(others);
      expect(told[0]).toEqual([
        { queue: 'default', type: 'b' },
        expect.stringContaining('no handler for this type'),
      ]);
    },
  );

  test('a task says what it waits for, and no handler or onError hears of it', async () => {
    const errors: unknown[] = [];
    const ended: unknown[] = [];
    events.on('attempt.started', (event) => void ended.push(event));
    events.on('attempt.finished', (event) => void ended.push(event));
    const missing = nextEvent(events, 'handler.missing');
    await aWorker(['a'], { onError: (error) => void errors.push(error) });
    await enqueue('b', 1);
    expect(await missing).toEqual({ queue: 'default', type: 'b' });
    await deferred('b', 1);
    const task = await record('b0');
    expect(task).toMatchObject({ attempt: 0, retried: 0, attempts: [], lastError: null });
    expect(['scheduled', 'pending']).toContain(task?.state);
    expect(task?.waitingFor).toBe('no worker for this type');
    expect([errors, ended]).toEqual([[], []]);
  });

  test('tasks behind them are handled meanwhile', async () => {
    await enqueue('b', 300);
    await enqueue('a', 20);
    const ends = nextEvents(events, 'attempt.finished', 20);
    await aWorker(['a'], { concurrency: 2 });
    for (const end of await ends) expect(end).toMatchObject({ type: 'a', outcome: 'succeeded' });
    expect(await facts()).toMatchObject({ processed: 20, failed: 0 });
  });

  test('a task that must start alone is given back as well', async () => {
    await enqueue('b', 1);
    const { consume, maintain } = broker;
    for (let crashes = 1; crashes <= 2; crashes += 1) {
      const { tasks } = await consume.exchange({
        finishes: [],
        queues: ['default'],
        room: 1,
        leaseMs: 6_000,
        worker: 'w',
      });
      await consume.extend(tasks, 0);
      await until(async () => (await maintain.recover(STEPS, POISON_LIMITS))[0]?.recovered === 1);
    }
    await aWorker(['a']);
    await deferred('b', 1);
    expect(await record('b0')).toMatchObject({ crashes: 2 });
    const end = nextEvent(events, 'attempt.finished');
    await client.enqueue('a');
    expect(await end).toMatchObject({ type: 'a', outcome: 'succeeded' });
  });

  test('a task past its deadline is archived by a worker without a handler, too', async () => {
    const end = nextEvent(events, 'attempt.finished');
    await client.enqueue('b', null, { id: 'b0', deadline: new Date(Date.now() - 60_000), maxRetries: 5 });
    await aWorker(['a']);
    expect(await end).toMatchObject({ outcome: 'archived' });
    expect(await record('b0')).toMatchObject({ state: 'archived', waitingFor: null });
  });

  test('in the profile of Asynq they fail', async () => {
    const end = nextEvent(events, 'attempt.finished');
    await enqueue('b', 1);
    await aWorker(['a'], { profile: 'asynq' });
    expect(await end).toMatchObject({ outcome: 'failed', attempt: 1 });
    expect(await record('b0')).toMatchObject({
      state: 'retry',
      retried: 1,
      lastError: { message: 'handler not found for task "b"' },
    });
  });
});
