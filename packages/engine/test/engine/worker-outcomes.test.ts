import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { DeferError, NonRetryableError, RevokeError } from '../../src/errors/handler-errors.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { Events } from '../../src/runtime/events.ts';
import type { Handler } from '../../src/worker/run/handlers.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { aTask } from '../support/factories.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';

describe.each(brokerKinds)('outcomes on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let events: Events;
  let workers: Worker[];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
    events = new Events();
    workers = [];
  });

  afterEach(async () => {
    if (!available) return;
    await Promise.all(workers.map((worker) => worker.stop()));
    await store.remove();
  });

  async function aWorker(handler: Handler, options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(broker, {
      ...options,
      runtime: { events, random: () => 0, ...options.runtime },
    });
    workers.push(worker);
    await worker.handle('x', handler).start();
    return worker;
  }

  const record = (id = 'a') => broker.inspect.task({ queue: 'default', id });
  const facts = async () => (await broker.inspect.queueFacts(['default']))[0];

  /** Runs one task; resolves to the event at the end of its first attempt. */
  async function runOnce(handler: Handler, options: WorkerOptions = {}, task = {}) {
    const end = nextEvent(events, 'attempt.finished');
    await aWorker(handler, options);
    await client.enqueue('x', null, { id: 'a', ...task });
    return end;
  }

  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;

  const revokedProxy = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };

  const throws = (error: unknown) => () => {
    throw error;
  };

  test.each([3_600_000, -3_600_000])(
    'how long an attempt ran is measured, although the clock was set by %i ms meanwhile',
    async (stepMs) => {
      let setMs = 0;
      const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + setMs };
      const handler = () => {
        setMs = stepMs;
      };
      const { runMs } = await runOnce(handler, { runtime: { clock } }, { retention: '1d' });
      expect(runMs).toBeGreaterThanOrEqual(0);
      expect(runMs).toBeLessThan(60_000);
      const [attempt] = (await record())?.attempts ?? [];
      expect((attempt?.finishedMs ?? 0) - (attempt?.startedMs ?? 0)).toBe(runMs);
    },
  );

  test('an error that is no failure is retried without being counted', async () => {
    const judged: unknown[] = [];
    const isFailure = (error: unknown) => {
      judged.push(error);
      return false;
    };
    const error = new Error('busy');
    expect(await runOnce(throws(error), { isFailure })).toMatchObject({ outcome: 'failed' });
    expect(judged).toEqual([error]);
    const task = await record();
    expect(task).toMatchObject({ state: 'retry', retried: 0, lastError: { message: 'busy' } });
    expect(task?.lastError?.atMs).toBeGreaterThan(0);
    expect(await facts()).toMatchObject({ processed: 0, failed: 0 });
  });

  test('an error that is no failure archives a task without retries left', async () => {
    await runOnce(throws(new Error('no')), { isFailure: () => false }, { maxRetries: 0 });
    expect(await record()).toMatchObject({ state: 'archived', retried: 0 });
  });

  test.each([
    ['bare', new DeferError('no licence left', { delay: '1m' })],
    ['wrapped', new Error('outer', { cause: new DeferError('no licence left', { delay: '1m' }) })],
  ])('a task that its handler defers is given back at no attempt, the error %s', async (_, error) => {
    const seen: unknown[] = [];
    const onError = (thrown: unknown) => void seen.push(thrown);
    expect(await runOnce(throws(error), { onError }, { maxRetries: 0 })).toMatchObject({
      outcome: 'deferred',
    });
    const task = await record();
    expect(task).toMatchObject({ state: 'scheduled', attempt: 0, retried: 0, deferrals: 1, attempts: [] });
    expect(task).toMatchObject({ waitingFor: 'no licence left', lastError: null, crashes: 0 });
    expect(task?.dueMs).toBeGreaterThan(Date.now() + 50_000);
    expect(await facts()).toMatchObject({ processed: 0, failed: 0 });
    expect(seen).toEqual([]);
  });

  test('a deferral ends by the deadline, and its reason and its pause have bounds', async () => {
    const deadlineMs = Math.ceil(Date.now() / 1_000) * 1_000 + 3_000;
    await runOnce(
      throws(new DeferError('x'.repeat(1_000), { delay: '3653d' })),
      {},
      { deadline: new Date(deadlineMs) },
    );
    const task = await record();
    expect(task).toMatchObject({ state: 'scheduled', waitingFor: 'x'.repeat(200) });
    expect(task?.dueMs).toBeLessThan(deadlineMs + 1_000);
  });

  test('a NUL in the text of an error cuts nothing off', async () => {
    await runOnce(throws(new Error('before\0after')), {}, { maxRetries: 0 });
    expect(await record()).toMatchObject({ state: 'archived', lastError: { message: 'before\ufffdafter' } });
  });

  test('an error counts as a failure if isFailure throws', async () => {
    await runOnce(throws(new Error('no')), { isFailure: throws(new Error('broken')) });
    expect(await record()).toMatchObject({ state: 'retry', retried: 1 });
  });

  test.each([
    ['bare', new RevokeError()],
    ['wrapped', new Error('outer', { cause: new Error('middle', { cause: new RevokeError('gone') }) })],
  ])('a revoked task is removed, whatever its retention and retries (%s error)', async (_, error) => {
    const end = await runOnce(throws(error), {}, { retention: '1h', maxRetries: 0 });
    expect(end).toMatchObject({ outcome: 'revoked' });
    expect(await record()).toBeNull();
    expect(await facts()).toMatchObject({ processed: 1, failed: 0 });
  });

  test.each([
    ['failure', throws(new Error('no')), 'no'],
    ['non-retryable', throws(new NonRetryableError('hopeless')), 'hopeless'],
    ['revoked', throws(new RevokeError('gone')), 'gone'],
    ['timeout', () => new Promise(() => {}), 'context deadline exceeded'],
  ] as const)('onError is called once for each failed attempt: %s', async (_, handler, message) => {
    const calls: [unknown, string, number][] = [];
    const onError: WorkerOptions['onError'] = (error, { id, attempt }) =>
      void calls.push([error, id, attempt]);
    await runOnce(handler, { onError }, { timeout: '100ms' });
    expect(calls).toEqual([[expect.objectContaining({ message }), 'a', 1]]);
  });

  test('onError is not called when an attempt succeeds', async () => {
    const reported: unknown[] = [];
    await runOnce(() => 'fine', { onError: (error) => void reported.push(error) });
    expect(reported).toEqual([]);
  });

  test('onError is called for a lost lease', async () => {
    const reported: unknown[] = [];
    const lost = nextEvent(events, 'lease.lost');
    const started = nextEvent(events, 'attempt.started');
    const faulty: Broker = {
      ...broker,
      consume: {
        ...broker.consume,
        exchange: broker.consume.exchange,
        keepResults: broker.consume.keepResults,
        extend: (leases) => Promise.resolve(leases.map(() => false)),
      },
      leaseRenewal: null,
    };
    const worker = new Worker(faulty, { onError: (error) => void reported.push(error), runtime: { events } });
    workers.push(worker);
    await worker.handle('x', () => new Promise(() => {})).start();
    await client.enqueue('x', null, { id: 'a' });
    await started;
    await lost;
    expect(reported).toEqual([expect.objectContaining({ message: 'asynq: task lease expired' })]);
  });

  test.each([
    ['throws', throws(new Error('broken'))],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ] as const)('an onError that %s does not affect the task', async (_, onError) => {
    await runOnce(throws(new Error('no')), { onError });
    expect(await record()).toMatchObject({ state: 'retry', retried: 1, lastError: { message: 'no' } });
  });

  test('a result can be read while its handler runs, and a returned one replaces it', async () => {
    const during: unknown[] = [];
    await runOnce(
      async (_, context) => {
        await context.setResult({ done: 50 });
        during.push(await record());
        return 'all';
      },
      {},
      { retention: '1h' },
    );
    expect(during).toMatchObject([{ state: 'active' }]);
    const text = (task: unknown) => Buffer.from((task as { result: Uint8Array }).result).toString();
    expect(text(during[0])).toBe('{"done":50}');
    expect(text(await record())).toBe('"all"');
  });

  test('a handler that returns nothing keeps the result that it has set', async () => {
    await runOnce((_, context) => context.setResult(Buffer.from('given')), {}, { retention: '1h' });
    expect(Buffer.from((await record())?.result ?? []).toString()).toBe('given');
  });

  test('a result is refused when it is too large, or its attempt is over', async () => {
    let late: Promise<unknown> = Promise.resolve();
    const tooLarge: unknown[] = [];
    await runOnce(
      async (_, context) => {
        await context.setResult(Buffer.alloc(262_145)).catch((error: unknown) => tooLarge.push(error));
        context.signal.addEventListener('abort', () => {
          late = context.setResult('late').catch((error: unknown) => error);
        });
        await new Promise(() => {});
      },
      {},
      { timeout: '100ms' },
    );
    expect(tooLarge).toEqual([expect.objectContaining({ code: 'invalid-value' })]);
    expect(await late).toMatchObject({ code: 'attempt-over' });
    expect((await record())?.result).toBeNull();
  });

  test.each<[string, () => unknown, RegExp]>([
    ['a BigInt', () => 42n, /result is a BigInt$/],
    ['a cycle', () => cyclic, /circular/],
    ['a number that is none', () => Promise.resolve({ total: [NaN] }), /result\.total\[0\] is NaN$/],
    ['a Map', () => new Map([[1, 2]]), /result is a Map$/],
    ['a function', () => () => 1, /result is a function$/],
    [
      'a getter that throws',
      () => Object.defineProperty({}, 'a', { enumerable: true, get: throws('no') }),
      /no$/,
    ],
    ['a revoked proxy', revokedProxy, /proxy that has been revoked$/],
    ['a toJSON that throws', () => ({ toJSON: throws(new Error('not now')) }), /not now$/],
    ['too much', () => 'x'.repeat(300_000), /^a result of 300002 bytes was not kept/],
  ])(
    'a task whose handler returns %s succeeds; its record says why there is no result',
    async (_, handler, why) => {
      const warnings: [object, string][] = [];
      const ignore = () => {};
      const warn = (...line: unknown[]) => void warnings.push(line as never);
      const log = { error: ignore, info: ignore, debug: ignore, warn };
      const errors: unknown[] = [];
      const ends = nextEvents(events, 'attempt.finished', 2);
      await aWorker(handler, { onError: (error) => void errors.push(error), runtime: { log } });
      for (const id of ['a', 'b']) await client.enqueue('x', null, { id, retention: '1h' });
      for (const end of await ends) expect(end).toMatchObject({ outcome: 'succeeded', attempt: 1 });
      const task = await record();
      expect(task).toMatchObject({
        state: 'completed',
        attempt: 1,
        retried: 0,
        lastError: null,
        result: null,
      });
      expect(task?.attempts).toMatchObject([
        { outcome: 'succeeded', reason: expect.stringMatching(why) as string },
      ]);
      expect(warnings).toEqual([
        [
          expect.objectContaining({ type: 'x', queue: 'default' }),
          'a task succeeded, but its result was not kept',
        ],
      ]);
      expect(errors).toEqual([]);
    },
  );

  test('a result that JSON would change is refused where the handler sets it', async () => {
    const refused: unknown[] = [];
    const handler: Handler = async (_, context) => {
      for (const value of [1n, cyclic, { rate: Infinity }, new Set([1]), revokedProxy()])
        await context.setResult(value).catch((error: unknown) => refused.push((error as Error).message));
    };
    expect(await runOnce(handler)).toMatchObject({ outcome: 'succeeded' });
    expect(refused).toEqual([
      'result is not valid: found a BigInt.',
      expect.stringContaining('circular'),
      'result.rate is not valid: found Infinity.',
      'result is not valid: found a Set.',
      expect.stringContaining('proxy that has been revoked'),
    ]);
  });

  test('a negative timeout, as Go can write one, is over before the handler is called', async () => {
    let called = false;
    const end = nextEvent(events, 'attempt.finished');
    await aWorker(() => void (called = true));
    await broker.submit.enqueue([aTask({ id: 'a', type: 'x', timeoutMs: -5_000 })]);
    expect(await end).toMatchObject({ outcome: 'failed' });
    expect(called).toBe(false);
    expect(await record()).toMatchObject({
      state: 'retry',
      retried: 1,
      lastError: { message: 'context deadline exceeded' },
    });
  });
});
