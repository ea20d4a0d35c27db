import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { HandlerError, NonRetryableError, RevokeError } from '../../src/errors/handler-errors.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { Events } from '../../src/runtime/events.ts';
import type { Handler } from '../../src/worker/run/handlers.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { tellsListening } from '../support/listening.ts';
import { nextEvent } from '../support/next-event.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const A = { queue: 'default', id: 'a' } as const;
const WHO = { by: 'anna', reason: 'ordered twice' };

/** Resolves when the signal has aborted. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

describe.each(brokerKinds)('a running task that is cancelled on $name', (kind) => {
  let broker: Broker;
  let client: Client;
  let inspector: Inspector;
  let events: Events;
  let workers: Worker[] = [];
  let listening: Promise<void>;
  /** False = messages to workers are lost. */
  let tells: boolean;

  storeOfEachTest(kind, async (store) => {
    const real = tellsListening(await store.connect());
    listening = real.listening;
    tells = true;
    const { signals } = real.broker;
    const cancel: typeof signals.cancel = async (ids) => (tells ? signals.cancel(ids) : undefined);
    broker = { ...real.broker, signals: { ...signals, cancel } };
    client = new Client(broker);
    inspector = new Inspector(broker);
    events = new Events();
    workers = [];
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
  });

  async function aWorker(handler: Handler, options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(broker, { ...options, runtime: { events, ...options.runtime } });
    workers.push(worker);
    await worker.handle('x', handler).start();
    await listening;
    return worker;
  }

  /** Runs the task `a` and cancels it. Resolves to the event at the end of its attempt. */
  async function cancelWhileRunning(handler: Handler, options: WorkerOptions = {}, task = {}) {
    const worker = await aWorker(handler, options);
    const [started, ended] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await client.enqueue('x', null, { id: 'a', ...task });
    await started;
    expect(await inspector.tasks.cancel(A, WHO)).toBe('requested');
    return { worker, ended };
  }

  const record = () => inspector.tasks.get(A);

  const ERRORS: readonly (readonly [string, (signal: AbortSignal) => unknown])[] = [
    ["the signal's reason", (signal) => signal.reason],
    ['an error of its own', () => new Error('cleaned up')],
    ['an error that is not retried', () => new NonRetryableError('broken')],
    ['an error with a time to retry', () => new HandlerError('later', { retryAfter: 1_000 })],
    ['RevokeError', () => new RevokeError()],
    ['what is no failure', () => new Error('ignore me')],
  ];
  test.each(ERRORS)('ends cancelled when its handler throws %s', async (_, errorOf) => {
    const { ended } = await cancelWhileRunning(
      async (__, { signal }) => {
        await aborted(signal);
        throw errorOf(signal);
      },
      { isFailure: (error) => (error as Error).message !== 'ignore me' },
      { retention: '1h' },
    );
    expect(await ended).toMatchObject({ outcome: 'cancelled', task: A });
    expect(await record()).toMatchObject({
      state: 'cancelled',
      retried: 0,
      cancelled: { ...WHO, atMs: expect.any(Number) as number, wasRunning: true },
      attempts: [{ outcome: 'cancelled', error: { message: expect.any(String) as string } }],
    });
    expect(await inspector.tasks.cancel(A)).toBe('already_finished');
    expect((await broker.inspect.queueFacts(['default']))[0]).toMatchObject({ processed: 1, failed: 0 });
  });

  test("keeps the class of the signal's reason, alone or as a cause", async () => {
    const { ended } = await cancelWhileRunning(async (_, { signal }) => {
      await aborted(signal);
      expect(signal.reason).toMatchObject({ message: 'context canceled', cause: 'cancelled' });
      throw new Error('stopped', { cause: signal.reason });
    });
    await ended;
    expect((await record()).attempts).toMatchObject([{ error: { class: 'cancelled', message: 'stopped' } }]);
  });

  test('succeeds when its handler returns all the same', async () => {
    const { ended } = await cancelWhileRunning(
      async (_, { signal }) => {
        await aborted(signal);
        return 'done';
      },
      {},
      { retention: '1h' },
    );
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(await record()).toMatchObject({
      result: 'done',
      state: 'completed',
      cancelled: WHO,
      attempts: [{ outcome: 'succeeded' }],
    });
  });

  test('keeps its slot while its handler takes no notice, until that has ended', async () => {
    let end = () => {};
    let signal: AbortSignal | undefined;
    const { worker, ended } = await cancelWhileRunning((_, context) => {
      ({ signal } = context);
      return new Promise((__, reject) => (end = () => reject(new Error('at last'))));
    });
    await aborted(signal!);
    expect(await inspector.tasks.cancel(A, { by: 'another' })).toBe('requested');
    expect(worker.running).toBe(1);
    expect(await record()).toMatchObject({ state: 'active', cancelled: WHO });
    end();
    expect(await ended).toMatchObject({ outcome: 'cancelled' });
  });

  test('ends cancelled at its timeout, when its handler takes no notice', async () => {
    const { ended } = await cancelWhileRunning(() => new Promise(() => {}), {}, { timeout: '400ms' });
    expect(await ended).toMatchObject({ outcome: 'cancelled' });
    expect(await record()).toMatchObject({
      state: 'cancelled',
      attempts: [{ outcome: 'cancelled', error: { class: 'timeout' } }],
    });
  });

  test('ends cancelled when its worker stops', async () => {
    const { worker, ended } = await cancelWhileRunning(() => new Promise(() => {}), {
      shutdownTimeout: 100,
    });
    await worker.stop();
    expect(await ended).toMatchObject({ outcome: 'cancelled' });
    expect(await record()).toMatchObject({ state: 'cancelled', cancelled: WHO });
  });

  test('ends cancelled although its worker was not told', async () => {
    tells = false;
    let fail = () => {};
    const { ended } = await cancelWhileRunning(
      () => new Promise((_, reject) => (fail = () => reject(new Error('failed')))),
    );
    fail();
    expect(await ended).toMatchObject({ outcome: 'cancelled' });
    expect(await record()).toMatchObject({ state: 'cancelled', cancelled: WHO });
  });

  test('is asked to stop although the message overtook the answer that brought it', async () => {
    const { exchange } = broker.consume;
    let overtaken = false;
    broker = {
      ...broker,
      consume: {
        ...broker.consume,
        async exchange(call, options) {
          const answer = await exchange(call, options);
          if (answer.tasks.length === 0 || overtaken) return answer;
          overtaken = true;
          const heard = new Promise((resolve) => {
            void broker.signals.onCancelled(resolve, new AbortController().signal).then(async () => {
              await inspector.tasks.cancel(A, WHO);
            });
          });
          await heard;
          return answer;
        },
      },
    };
    const ended = nextEvent(events, 'attempt.finished');
    await aWorker(async (_, { signal }) => {
      await aborted(signal);
      throw signal.reason;
    });
    await client.enqueue('x', null, { id: 'a' });
    expect(await ended).toMatchObject({ outcome: 'cancelled' });
  });

  test('is not affected by a bare message for a task that is not here', async () => {
    await aWorker(() => {});
    await inspector.tasks.publishAsynqCancel('a');
    const ended = nextEvent(events, 'attempt.finished');
    await client.enqueue('x', null, { id: 'a' });
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
  });

  test('is refused with its queue, its ID or its group', async () => {
    const cancel = (address: { queue: string; id: string }) => inspector.tasks.cancel(address);
    await expect(cancel({ queue: 'unknown', id: 'a' })).rejects.toMatchObject({ code: 'queue-not-found' });
    await client.enqueue('x', null, { id: 'a', group: 'g' });
    await expect(cancel({ ...A, id: 'b' })).rejects.toMatchObject({ code: 'task-not-found' });
    await expect(cancel(A)).rejects.toMatchObject({ code: 'wrong-state', details: { state: 'aggregating' } });
  });

  test('never starts if it waits', async () => {
    await client.enqueue('x', null, { id: 'a', delay: '1h' });
    expect(await inspector.tasks.cancel(A, WHO)).toBe('cancelled_before_start');
    expect(await record()).toMatchObject({ state: 'cancelled', cancelled: WHO });
    expect((await record()).cancelled).not.toHaveProperty('wasRunning');
  });
});
