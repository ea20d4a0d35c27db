import type { Duration } from '@task-center/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { fsck } from '../../src/control/fsck.ts';
import { DeferError, HandlerError } from '../../src/errors/handler-errors.ts';
import { PeriodicTaskManager } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler } from '../../src/asynq-scheduler/scheduler.ts';
import { Events } from '../../src/runtime/events.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';
import { until } from '../support/until.ts';

const named = (name: string) =>
  expect.objectContaining({ code: 'invalid-value', details: expect.objectContaining({ name }) });

describe.each(brokerKinds)('durations on $name', (kind) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let events: Events;

  beforeEach(async () => {
    store = await kind.createStore();
    broker = await store.connect();
    client = new Client(broker);
    events = new Events();
  });
  afterEach(() => store.remove());

  /** Stops a worker while it runs a task, which ends a moment later. Resolves to the outcome of the attempt. */
  async function outcomeAtStop(options: WorkerOptions, timeout?: Duration) {
    const worker = new Worker(broker, { ...options, runtime: { events } });
    let end = () => {};
    worker.handle('x', () => new Promise<void>((resolve) => (end = resolve)));
    const started = nextEvent(events, 'attempt.started');
    const finished = nextEvent(events, 'attempt.finished');
    await worker.start();
    await client.enqueue('x');
    await started;
    const stopping = worker.stop(timeout === undefined ? {} : { timeout });
    // A stop that gives running attempts no time has aborted them by then.
    const sinceMs = performance.now();
    await until(() => performance.now() - sinceMs > 20);
    end();
    await stopping;
    return (await finished).outcome;
  }

  test.each<[WorkerOptions, Duration?]>([
    [{ shutdownTimeout: '30s' }],
    [{ shutdownTimeout: 30_000 }],
    [{ shutdownTimeout: 0 }, '30s'],
    [{ shutdownTimeout: 0 }, 30_000],
  ])('a stop lets attempts end: %j %s', async (options, timeout) => {
    expect(await outcomeAtStop(options, timeout)).toBe('succeeded');
  });

  test('options of a task take ms as well as texts', async () => {
    const { dueAt } = await client.enqueue('x', null, {
      delay: 3_600_000,
      timeout: 1_500,
      retention: 60_000,
      id: 'a',
    });
    expect(dueAt.getTime() - Date.now()).toBeGreaterThan(3_000_000);
    const task = await broker.inspect.task({ queue: 'default', id: 'a' });
    expect(task).toMatchObject({ retentionMs: 60_000, meta: { timeoutMs: 1_500 } });
  });

  test('an error of a handler says in words when its task runs again', async () => {
    const worker = new Worker(broker, { runtime: { events } })
      .handle('failed', () => {
        throw new HandlerError('busy', { retryAfter: '2h' });
      })
      .handle('deferred', () => {
        throw new DeferError('no licence', { delay: '2h' });
      });
    await worker.start();
    for (const type of ['failed', 'deferred']) {
      const end = nextEvent(events, 'attempt.finished');
      await client.enqueue(type, null, { id: type });
      await end;
      const task = await broker.inspect.task({ queue: 'default', id: type });
      expect((task?.dueMs ?? 0) - Date.now()).toBeGreaterThan(7_000_000);
    }
    await worker.stop();
  });

  test('that are none are refused by their names, and nothing is stored', async () => {
    const bad = 'soon' as Duration;
    const aggregation = { aggregate: () => ({ task: 'x' }) };
    const healthCheck = { report: () => {} };
    const provider = () => [];
    for (const [name, call] of [
      ['lease', () => new Worker(broker, { lease: bad })],
      ['lease', () => new Worker(broker, { lease: '1s' })],
      ['maxStall', () => new Worker(broker, { maxStall: bad })],
      ['shutdownTimeout', () => new Worker(broker, { shutdownTimeout: bad })],
      ['healthCheck.every', () => new Worker(broker, { healthCheck: { ...healthCheck, every: bad } })],
      [
        'aggregation.gracePeriod',
        () => new Worker(broker, { aggregation: { ...aggregation, gracePeriod: bad } }),
      ],
      ['aggregation.maxDelay', () => new Worker(broker, { aggregation: { ...aggregation, maxDelay: bad } })],
      ['heartbeat', () => new Scheduler(broker, { heartbeat: bad })],
      ['syncInterval', () => new PeriodicTaskManager(broker, { provider, syncInterval: 0 })],
      ['delay', () => new DeferError('x', { delay: bad })],
    ] as const)
      expect(call).toThrow(named(name));
    await expect(new Worker(broker).stop({ timeout: bad })).rejects.toEqual(named('timeout'));
    await expect(fsck(broker, { pause: bad })).rejects.toEqual(named('pause'));
    for (const name of ['delay', 'timeout', 'retention', 'unique'] as const)
      await expect(client.enqueue('x', null, { [name]: bad })).rejects.toEqual(named(name));
    expect(await broker.inspect.queues()).toEqual([]);
  });
});
