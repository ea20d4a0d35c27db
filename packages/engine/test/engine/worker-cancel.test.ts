import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { Events } from '../../src/runtime/events.ts';
import type { Handler } from '../../src/worker/run/handlers.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { tellsListening } from '../support/listening.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const never = () => new Promise<void>(() => {});

describe.each(brokerKinds)('cancelling on $name', (kind) => {
  let broker: Broker;
  let client: Client;
  let inspector: Inspector;
  let events: Events;
  let workers: Worker[] = [];
  let listening: Promise<void>;

  storeOfEachTest(kind, async (store) => {
    ({ broker, listening } = tellsListening(await store.connect()));
    client = new Client(broker);
    inspector = new Inspector(broker);
    events = new Events();
    workers = [];
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  /** Starts a worker; resolves when it listens for cancellations. */
  async function aWorker(handler: Handler, options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(broker, { ...options, runtime: { events, ...options.runtime } });
    workers.push(worker);
    await worker.handle('x', handler).start();
    await listening;
    return worker;
  }

  const record = (id = 'a', queue = 'default') => broker.inspect.task({ queue, id });

  test('aborts the signal of a running handler, and its task is retried as after a failure', async () => {
    let reason: unknown;
    await aWorker(
      (_, { signal }) =>
        new Promise((__, reject) =>
          signal.addEventListener('abort', () => {
            reason = signal.reason;
            reject(new Error('its own end'));
          }),
        ),
    );
    const [started, ended] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await client.enqueue('x', null, { id: 'a' });
    await started;
    await inspector.tasks.publishAsynqCancel('a');
    expect(await ended).toMatchObject({ outcome: 'failed', task: { id: 'a' } });
    expect(reason).toMatchObject({ message: 'context canceled', cause: 'cancelled' });
    expect(await record()).toMatchObject({
      state: 'retry',
      retried: 1,
      lastError: { message: 'context canceled' },
      attempts: [{ outcome: 'failed', error: { class: 'cancelled', message: 'context canceled' } }],
    });
    expect((await broker.inspect.queueFacts(['default']))[0]).toMatchObject({ processed: 1, failed: 1 });
  });

  test('abandons a handler that ignores its signal, and a task without retries is archived', async () => {
    await aWorker(never);
    const [started, ended] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await client.enqueue('x', null, { id: 'a', maxRetries: 0 });
    await started;
    await inspector.tasks.publishAsynqCancel('a');
    expect(await ended).toMatchObject({ outcome: 'archived' });
    expect(await record()).toMatchObject({ state: 'archived', lastError: { message: 'context canceled' } });
  });

  test('is passed to isFailure and onError like any other failure', async () => {
    const reported: unknown[] = [];
    await aWorker(never, {
      isFailure: (error) => (error as Error).message !== 'context canceled',
      onError: (error) => void reported.push((error as Error).message),
    });
    const [started, ended] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await client.enqueue('x', null, { id: 'a' });
    await started;
    await inspector.tasks.publishAsynqCancel('a');
    await ended;
    expect(await record()).toMatchObject({ state: 'retry', retried: 0 });
    expect(reported).toEqual(['context canceled']);
  });

  test('stops tasks with the same ID in two queues, and no others', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    await aWorker(() => gate, { queues: ['default', 'other'] });
    const started = nextEvents(events, 'attempt.started', 3);
    const ended = nextEvents(events, 'attempt.finished', 2);
    for (const queue of ['default', 'other']) await client.enqueue('x', null, { id: 'a', queue });
    await client.enqueue('x', null, { id: 'ab', retention: '1h' });
    await started;
    await inspector.tasks.publishAsynqCancel('a');
    expect((await ended).map(({ task }) => task.queue).sort()).toEqual(['default', 'other']);
    expect(await record('ab')).toMatchObject({ state: 'active' });
    const last = nextEvent(events, 'attempt.finished');
    release();
    expect(await last).toMatchObject({ outcome: 'succeeded', task: { id: 'ab' } });
  });

  test('finds a task of a business by its own ID and the business', async () => {
    await aWorker(never);
    const [started, ended] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await client.enqueue('x', null, { id: 'a', context: { businessId: 'shop' } });
    await started;
    await inspector.tasks.publishAsynqCancel({ id: 'a', businessId: 'shop' });
    expect(await ended).toMatchObject({ outcome: 'failed' });
  });

  test('affects neither workers that run no such task nor a waiting task', async () => {
    const worker = await aWorker(() => {});
    await client.enqueue('x', null, { id: 'later', delay: '1h' });
    await inspector.tasks.publishAsynqCancel('later');
    await inspector.tasks.publishAsynqCancel('nobody');
    const ended = nextEvent(events, 'attempt.finished');
    await client.enqueue('x', null, { id: 'b' });
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(await record('later')).toMatchObject({ state: 'scheduled' });
    expect(worker.running).toBe(0);
  });

  test('reaches a worker that takes no more tasks', async () => {
    const worker = await aWorker(never);
    const [started, ended] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await client.enqueue('x', null, { id: 'a' });
    await started;
    worker.stopTaking();
    await inspector.tasks.publishAsynqCancel('a');
    expect(await ended).toMatchObject({ outcome: 'failed' });
  });

  test('the inspector lists workers with their processes and running tasks', async () => {
    await aWorker(never, { queues: { default: 3 }, concurrency: 2 });
    const started = nextEvent(events, 'attempt.started');
    await client.enqueue('x', null, { id: 'a' });
    await started;
    workers[0]?.setQueues({ default: 4 });
    await expect
      .poll(() => inspector.servers())
      .toMatchObject([
        { pid: process.pid, queues: { default: 4 }, concurrency: 2, running: 1, tasks: [{ id: 'a' }] },
      ]);
    await inspector.tasks.publishAsynqCancel('a');
  });
});
