import { expect } from 'vitest';
import { Scheduler } from '../../../src/asynq-scheduler/scheduler.ts';
import { Client } from '../../../src/client/client.ts';
import { Inspector } from '../../../src/inspector/inspector.ts';
import { Worker } from '../../../src/worker/worker.ts';
import type { Case, Setting } from './setting.ts';

const misused = (cause?: RegExp) =>
  expect.objectContaining({
    code: 'worker-misused',
    ...(cause && { message: expect.stringMatching(cause) as string }),
  }) as Error;

/** A worker on a store of its own that runs one task, which ends when its signal aborts. */
async function busyWorker({ freshStore, runtime }: Setting) {
  const store = await freshStore();
  const broker = await store.connect();
  const client = new Client(broker);
  let onStarted = () => {};
  const started = new Promise<void>((resolve) => (onStarted = resolve));
  const worker = new Worker(broker, { shutdownTimeout: 200, runtime: runtime() });
  worker.handle('bad', (_, { signal }) => {
    onStarted();
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  await worker.start();
  await client.enqueue('bad', null, { id: 'held' });
  await started;
  return { store, broker, client, worker };
}

/** Misuse of starting, stopping and closing. */
export const LIFECYCLE: readonly Case[] = [
  {
    misuse: 'a worker that is started twice',
    instead: 'the second start is refused, and the worker goes on',
    async check({ worker, run }) {
      const own = worker();
      const starts = await Promise.allSettled([own.start(), own.start()]);
      expect(starts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      await expect(own.start()).rejects.toEqual(misused(/started before/));
      expect(await run('good')).toMatchObject({ outcome: 'succeeded' });
    },
  },
  {
    misuse: 'a worker that is started again after its stop',
    instead: 'the start is refused',
    async check({ worker }) {
      const own = worker();
      await own.start();
      await own.stop();
      await expect(own.start()).rejects.toEqual(misused());
    },
  },
  {
    misuse: 'a worker that is stopped twice, at once and later',
    instead: 'all stops resolve, and its task is given back once',
    async check(setting) {
      const { broker, worker } = await busyWorker(setting);
      const stops = [worker.stop({ timeout: 60_000 }), worker.stop({ timeout: 0 })];
      await Promise.all(stops);
      await worker.stop();
      worker.stopTaking();
      const task = await broker.inspect.task({ queue: 'default', id: 'held' });
      expect(task).toMatchObject({ state: 'pending', retried: 0, crashes: 0 });
    },
  },
  {
    misuse: 'a handler that is registered after the start, for a type that has one, or is no function',
    instead: 'it is refused, and the first one stays',
    async check({ worker, run }) {
      const own = worker();
      expect(() => own.handle('good', () => 1)).toThrow(misused(/has a handler already/));
      expect(() => own.handle('other', 'y' as never)).toThrow(
        expect.objectContaining({ code: 'invalid-value' }) as Error,
      );
      await own.start();
      expect(() => own.handle('late', () => 1)).toThrow(misused(/after start/));
      expect(await run('good')).toMatchObject({ outcome: 'succeeded' });
    },
  },
  {
    misuse: 'a broker that is closed twice, at once and later',
    instead: 'all closes resolve',
    async check({ freshStore }) {
      const broker = await (await freshStore()).connect();
      await Promise.all([broker.close(), broker.close()]);
      await broker.close();
    },
  },
  {
    misuse: 'a scheduler that is started twice, stopped before its start, or loses an entry twice',
    instead: 'each is refused but a stop, which resolves',
    async check({ broker, runtime }) {
      const misusedScheduler = expect.objectContaining({ code: 'scheduler-misused' }) as Error;
      const scheduler = new Scheduler(broker, { runtime: runtime() });
      const id = scheduler.register('@every 1h', { task: 'x' });
      await scheduler.start();
      await expect(scheduler.start()).rejects.toEqual(misusedScheduler);
      await scheduler.unregister(id);
      await expect(scheduler.unregister(id)).rejects.toMatchObject({ code: 'entry-not-found' });
      await Promise.all([scheduler.stop(), scheduler.stop()]);
      await expect(scheduler.start()).rejects.toEqual(misusedScheduler);
      const unstarted = new Scheduler(broker, { runtime: runtime() });
      await unstarted.stop();
      await expect(unstarted.start()).rejects.toEqual(misusedScheduler);
    },
  },
  {
    misuse: 'a worker that is stopped before it is started',
    instead: 'the stop resolves, and the start is refused',
    async check({ worker }) {
      const own = worker();
      await own.stop();
      await expect(own.start()).rejects.toEqual(misused(/stopped/));
    },
  },
  {
    misuse: 'a broker that is used after its close',
    instead: 'each call is refused at once, and nothing waits',
    async check({ freshStore, runtime }) {
      const broker = await (await freshStore()).connect();
      const client = new Client(broker);
      const worker = new Worker(broker, { runtime: runtime() }).handle('x', () => {});
      await broker.close();
      const closed = expect.objectContaining({ code: 'broker-closed' }) as Error;
      const inspector = new Inspector(broker);
      await expect(client.enqueue('x')).rejects.toEqual(closed);
      await expect(client.enqueueMany([{ task: 'x' }])).rejects.toMatchObject({ cause: closed });
      await expect(inspector.queues.list()).rejects.toEqual(closed);
      await expect(inspector.tasks.get({ queue: 'default', id: 'a' })).rejects.toEqual(closed);
      await expect(broker.ping()).rejects.toEqual(closed);
      await expect(worker.start()).rejects.toEqual(closed);
    },
  },
  {
    misuse: 'a broker that is closed before its worker and its scheduler are stopped',
    instead: 'close and stops resolve, and the task runs again on the next broker',
    async check(setting) {
      const { store, broker, worker } = await busyWorker(setting);
      const scheduler = new Scheduler(broker, { runtime: setting.runtime() });
      scheduler.register('@every 1h', { task: 'x' });
      await scheduler.start();
      await broker.close();
      await Promise.all([worker.stop({ timeout: 0 }), scheduler.stop()]);
      const task = await (await store.connect()).inspect.task({ queue: 'default', id: 'held' });
      expect(task).toMatchObject({ state: expect.stringMatching(/pending|active/) as string, retried: 0 });
    },
  },
  {
    misuse: 'a handler that closes its broker and waits for it',
    instead: 'the close resolves, and so does the stop',
    async check({ freshStore, runtime }) {
      const broker = await (await freshStore()).connect();
      const worker = new Worker(broker, { shutdownTimeout: 100, runtime: runtime() });
      const closed = new Promise<void>((resolve) => {
        worker.handle('bad', async () => {
          await broker.close();
          resolve();
        });
      });
      await worker.start();
      await new Client(broker).enqueue('bad');
      await closed;
      await worker.stop({ timeout: 0 });
    },
  },
];
