import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PeriodicTaskManager } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler } from '../../src/asynq-scheduler/scheduler.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { Semaphore } from '../../src/limits/semaphore.ts';
import { Events } from '../../src/runtime/events.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { runUntilSignal } from '../../src/worker/run-until-signal.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';

const CLOSED = { code: 'broker-closed' };

describe.each(brokerKinds)('closing a broker on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let events: Events;

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
    events = new Events();
  });
  afterEach(() => store?.remove());

  /** What another broker finds when this one has been closed: the states of these tasks. */
  async function statesOf(...ids: readonly string[]): Promise<unknown[]> {
    const other = await store.connect();
    const records = ids.map((id) => other.inspect.task({ queue: 'default', id }));
    return (await Promise.all(records)).map((record) => record?.state ?? null);
  }

  test('stops a worker: its handler ends, may use the broker, and its outcome is stored', async () => {
    let finish = () => {};
    const gate = new Promise<void>((resolve) => (finish = resolve));
    const isRunning = nextEvent(events, 'attempt.started');
    const worker = new Worker(broker, { runtime: { events } }).handle('x', async () => {
      await gate;
      await client.enqueue('follow-up', null, { id: 'next', queue: 'default' });
      return 'done';
    });
    await worker.start();
    await client.enqueue('x', null, { id: 'a', retention: '1h' });
    await isRunning;
    const closing = broker.close();
    await expect(worker.start()).rejects.toMatchObject({ code: 'worker-misused' });
    await expect(new Worker(broker).handle('x', () => {}).start()).rejects.toMatchObject(CLOSED);
    finish();
    await closing;
    await worker.stop();
    expect(worker.running).toBe(0);
    expect(await statesOf('a', 'next')).toEqual(['completed', 'pending']);
  });

  test('gives back the task of a handler that does not end', async () => {
    const isRunning = nextEvent(events, 'attempt.started');
    const options = { shutdownTimeout: 50, runtime: { events } };
    await new Worker(broker, options).handle('x', () => new Promise(() => {})).start();
    await client.enqueue('x', null, { id: 'a' });
    await isRunning;
    await broker.close();
    expect(await statesOf('a')).toEqual(['pending']);
  });

  test('stops what is stopped by somebody else at the same time, and may be called again', async () => {
    const worker = new Worker(broker).handle('x', () => {});
    const scheduler = new Scheduler(broker);
    const manager = new PeriodicTaskManager(broker, { provider: () => [{ spec: '@daily', task: 'x' }] });
    await Promise.all([worker.start(), scheduler.start(), manager.start()]);
    await Promise.all([worker.stop(), broker.close(), scheduler.stop(), broker.close(), manager.stop()]);
    await Promise.all([broker.close(), manager.stop(), scheduler.stop(), worker.stop()]);
  });

  test('a program that waits for signals goes on when its broker is closed', async () => {
    const before = process.listenerCount('SIGTERM');
    const worker = new Worker(broker).handle('x', () => {});
    const manager = new PeriodicTaskManager(broker, { provider: () => [] });
    const ends = [worker, new Scheduler(broker), manager].map(runUntilSignal);
    // The manager starts when its provider has answered.
    await new Promise(setImmediate);
    await broker.close();
    await Promise.all(ends);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  test('waits for the calls under way: what was given before is stored', async () => {
    let check = () => {};
    const checked = new Promise<void>((resolve) => (check = resolve));
    const validate = (value: unknown) => checked.then(() => ({ value }));
    const payload = { '~standard': { version: 1, vendor: 'test', validate } } as const;
    const slow = defineTask('slow', { payload });
    const calls = [
      ...Array.from({ length: 300 }, (_, i) => client.enqueue('x', i, { id: `e${i}` })),
      client.enqueue(slow, 1, { id: 'slow' }),
      client.enqueueMany([{ task: slow, payload: 1, id: 'many' }]),
      new Inspector(broker).queues.list(),
    ];
    const closing = broker.close();
    await expect(client.enqueue('late')).rejects.toMatchObject(CLOSED);
    check();
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === 'rejected')).toEqual([]);
    await closing;
    expect(await statesOf('e299', 'slow', 'many')).toEqual(['pending', 'pending', 'pending']);
  });

  test('an operation of several calls that is under way ends as it would have', async () => {
    await client.enqueue('x', null, { id: 'a' });
    const removing = new Inspector(broker).queues.remove('default', { force: true });
    await broker.close();
    await removing;
    expect(await statesOf('a')).toEqual([null]);
  });

  test('ends waits for results, and those whose task a worker ends meanwhile have it', async () => {
    let finish = () => {};
    const gate = new Promise<void>((resolve) => (finish = resolve));
    const isRunning = nextEvent(events, 'attempt.started');
    const worker = new Worker(broker, { queues: ['own'], runtime: { events } }).handle('x', () =>
      gate.then(() => 42),
    );
    await worker.start();
    const result = client.enqueueAndWait('x', null, { queue: 'own', wait: '1h' });
    await isRunning;
    await client.enqueue('x', null, { id: 'a' });
    const waits = [
      client.enqueueAndWait('x', null, { id: 'b', wait: '1h' }),
      client.result({ queue: 'default', id: 'a' }, { wait: '1h' }),
    ];
    const refused = waits.map((wait) => expect(wait).rejects.toMatchObject(CLOSED));
    await client.enqueue('x', null, { id: 'c' });
    const closing = broker.close();
    finish();
    await closing;
    expect(await result).toBe(42);
    await Promise.all(refused);
  });

  test('ends an iteration of an inspector with its next page', async () => {
    await client.enqueueMany(Array.from({ length: 300 }, () => ({ task: 'x' })));
    const seen: string[] = [];
    async function walk(): Promise<void> {
      for await (const { id } of new Inspector(broker).tasks.iterate('default', 'pending')) {
        if (seen.push(id) === 1) void broker.close();
        await new Promise(setImmediate);
      }
    }
    await expect(walk()).rejects.toMatchObject(CLOSED);
    expect(seen.length).toBeLessThan(300);
    await broker.close();
  });

  test('refuses every later call with one code', async () => {
    const inspector = new Inspector(broker);
    const semaphore = new Semaphore(broker, 'scope', 1);
    const holder = { id: 'a' };
    const address = { queue: 'default', id: 'a' };
    await broker.close();
    const calls = [
      client.enqueue('x'),
      client.enqueue(defineTask('y'), 1),
      client.enqueueAndWait('x', null),
      client.result(address),
      inspector.queues.list(),
      inspector.tasks.get(address),
      inspector.servers(),
      semaphore.acquire(holder, { deadlineMs: 1 }),
      semaphore.release(holder),
    ];
    await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(CLOSED)));
  });
});
