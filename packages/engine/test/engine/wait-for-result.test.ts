import type { StandardSchemaV1 } from '@standard-schema/spec';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { NonRetryableError } from '../../src/errors/handler-errors.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { defineTask } from '../../src/task/define-task.ts';
import type { Handler } from '../../src/worker/run/handlers.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** Takes a number, and gives it as a text. */
const numberAsText: StandardSchemaV1<number, string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value: `${value}` } : { issues: [{ message: 'must be a number' }] },
  },
};
const sum = defineTask<{ n: number }, { n: number }, number, string>('sum', { result: numberAsText });

describe.each(brokerKinds)('waiting for a result on $name', ({ name, available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let workers: Worker[];
  /** Of the test. */
  let queue: string;
  let tests = 0;

  beforeAll(async () => {
    if (!available) return;
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
  });
  afterAll(async () => {
    await store?.remove();
  });
  beforeEach((context) => {
    if (!available) return context.skip();
    queue = `q${(tests += 1)}`;
    workers = [];
  });
  afterEach(async () => {
    if (available) await Promise.all(workers.map((worker) => worker.stop({ timeout: 0 })));
  });

  async function work(handler: Handler, concurrency = 10): Promise<void> {
    const worker = new Worker(broker, { queues: [queue], concurrency });
    workers.push(worker);
    await worker.handle('*', handler).start();
  }

  const add: Handler = ({ payload }) => (payload as { n: number }).n + 1;
  const address = (id: string) => ({ queue, id });
  const record = (id: string) => broker.inspect.task({ queue, id });

  test('gives what the handler returned, through the schema of the result', async () => {
    await work(add);
    expect(await client.enqueueAndWait<unknown>('sum', { n: 4 }, { queue })).toBe(5);
    expect(await client.enqueueAndWait(sum, { n: 4 }, { queue, wait: '10s' })).toBe('5');
    expect(await client.enqueueAndWait('sum', { n: 2 ** 40 }, { queue })).toBe(2 ** 40 + 1);
  });

  test('gives undefined for a handler that returns nothing, and empty bytes', async () => {
    await work(({ type }) => (type === 'bytes' ? new Uint8Array() : undefined));
    expect(await client.enqueueAndWait('nothing', null, { queue })).toBeUndefined();
    expect(await client.enqueueAndWait('bytes', null, { queue })).toBeUndefined();
  });

  test('gives the result to everybody who asks, before and after the end, also of a business', async () => {
    const context = { businessId: 'acme' };
    await client.enqueue('sum', { n: 1 }, { queue, id: 'a', retention: '1h', context });
    const early = client.result({ ...address('a'), businessId: 'acme' });
    await work(add);
    expect(await early).toBe(2);
    const late = client.result({ ...address('a'), businessId: 'acme' }, { task: sum, wait: '0s' });
    expect(await late).toBe('2');
    await expect(client.result(address('a'), { wait: '0s' })).rejects.toMatchObject({ code: 'result-gone' });
  });

  test('is over after its time; the task goes on, and its result can still be had', async () => {
    const waiting = client.enqueueAndWait('sum', { n: 4 }, { queue, id: 'a', wait: '50ms' });
    const error = await waiting.catch((thrown: unknown) => thrown as TaskCenterError);
    expect(error).toMatchObject({ code: 'wait-over', details: { id: 'a', queue, waitMs: 50 } });
    expect((await record('a'))?.state).toBe('pending');
    await work(add);
    expect(await client.result(address('a'))).toBe(5);
  });

  test.each([
    ['fails for good', 'task-failed', /boom \(not retryable\)/],
    ['has no retries left', 'task-failed', /boom \(out of retries \(0\)\)/],
  ])('a task that %s is an error with its last error', async (_, code, message) => {
    const isFinal = message.source.includes('not retryable');
    await work(() => {
      throw isFinal ? new NonRetryableError('boom') : new Error('boom');
    });
    await expect(
      client.enqueueAndWait('x', null, { queue, ...(!isFinal && { maxRetries: 0 }) }),
    ).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  // A SQLite file has one process.
  if (name === 'Redis')
    test('gives the result of a task that another process enqueued', async () => {
      const other = await store.connect();
      await client.enqueue('sum', { n: 1 }, { queue, id: 'a', retention: '1m' });
      const waiting = new Client(other).result(address('a'));
      await work(add);
      expect(await waiting).toBe(2);
    });

  test('waits through retries', async () => {
    await work(({ attempt }) => {
      if (attempt < 3) throw new Error('not yet');
      return attempt;
    });
    const backoff = { kind: 'fixed', delay: '1ms' } as const;
    expect(await client.enqueueAndWait('x', null, { queue, backoff })).toBe(3);
  });

  test('a task that is cancelled or removed meanwhile has no result, and the errors say so', async () => {
    const { tasks } = new Inspector(broker);
    const cancelled = client.enqueueAndWait('x', null, { queue, id: 'a' });
    const removed = client.enqueueAndWait('x', null, { queue, id: 'b' });
    const looked = Promise.allSettled([cancelled, removed]);
    await expect.poll(() => record('b')).not.toBeNull();
    await tasks.cancel(address('a'), { by: 'ann', reason: 'wrong order' });
    await tasks.remove(address('b'));
    expect((await looked).map((end) => (end as PromiseRejectedResult).reason)).toMatchObject([
      { code: 'task-cancelled', message: `Task "a" in queue "${queue}" was cancelled by ann: wrong order.` },
      { code: 'result-gone' },
    ]);
    await expect(client.result(address('a'))).rejects.toMatchObject({ code: 'task-cancelled' });
  });

  test('a result that was not kept is an error that says why', async () => {
    await work(({ type }) => (type === 'much' ? 'x'.repeat(300_000) : new Map()));
    await expect(client.enqueueAndWait('much', null, { queue })).rejects.toMatchObject({
      code: 'result-gone',
      message: expect.stringContaining('a result of 300002 bytes was not kept') as string,
    });
    await expect(client.enqueueAndWait('map', null, { queue })).rejects.toMatchObject({
      code: 'result-gone',
      message: expect.stringContaining('a Map') as string,
    });
  });

  test.each([
    ['that does not fit its schema', 'text', /result of "sum" is not valid: found must be a number/],
    [
      'that is not JSON',
      new Uint8Array([255]),
      /result of task ".+" is not valid: found bytes that are not JSON/,
    ],
  ])('a result %s is refused', async (_, result, message) => {
    await work(() => result);
    await expect(client.enqueueAndWait(sum, { n: 1 }, { queue })).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringMatching(message) as string,
    });
  });

  test('a task is kept for as long as the wait needs, or for its own retention if that is longer', async () => {
    const retentions: [string, object, number][] = [
      ['default', {}, 90_000],
      ['short', { retention: '1s', wait: '5s' }, 65_000],
      ['long', { retention: '1h', wait: '5s' }, 3_600_000],
    ];
    const stop = new AbortController();
    const signal = stop.signal;
    for (const [id, options, retentionMs] of retentions) {
      const waiting = client.enqueueAndWait('x', null, { queue, id, signal, ...options }).catch(() => {});
      await expect.poll(() => record(id)).toMatchObject({ retentionMs });
      void waiting;
    }
    stop.abort();
  });

  test('a wait that is not valid, a group or an aborted signal stores nothing', async () => {
    const invalid = { code: 'invalid-value' };
    await expect(client.enqueueAndWait('x', null, { queue, wait: 'soon' as never })).rejects.toMatchObject(
      invalid,
    );
    await expect(client.enqueueAndWait('x', null, { queue, group: 'g' })).rejects.toMatchObject(invalid);
    await expect(client.result(address('a'), { wait: null as never })).rejects.toMatchObject(invalid);
    const signal = AbortSignal.abort(new Error('no more'));
    await expect(client.enqueueAndWait('x', null, { queue, signal })).rejects.toThrow('no more');
    await expect(client.result(address('a'), { signal })).rejects.toThrow('no more');
    expect(await broker.inspect.exists(queue)).toBe(false);
  });

  test('ends with the reason of its signal, and the task goes on', async () => {
    const stop = new AbortController();
    const waiting = client.enqueueAndWait('x', null, { queue, id: 'a', signal: stop.signal });
    await expect.poll(() => record('a')).not.toBeNull();
    stop.abort(new Error('no more'));
    await expect(waiting).rejects.toThrow('no more');
    expect((await record('a'))?.state).toBe('pending');
  });

  test('many waits may share a signal, which Node does not take for a leak', async () => {
    const warnings: string[] = [];
    const note = ({ name: warning }: Error) => void warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const stop = new AbortController();
    const ids = Array.from({ length: 20 }, (_, n) => `${n}`);
    const [first, ...others] = ids.map((id) =>
      client.enqueueAndWait('x', null, { queue, id, signal: stop.signal }),
    );
    const reasons = Promise.all(others.map((waiting) => waiting.catch(({ message }: Error) => message)));
    await expect.poll(async () => (await Promise.all(ids.map(record))).includes(null)).toBe(false);
    await broker.control.cancel({ queue, id: '0' }, {});
    await expect(first).rejects.toMatchObject({ code: 'task-cancelled' });
    stop.abort(new Error('no more'));
    expect(await reasons).toEqual(others.map(() => 'no more'));
    expect(warnings).toEqual([]);
  });

  test('300 callers at once each get their own result', async () => {
    await work(add, 100);
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    const results = await Promise.all(numbers.map((n) => client.enqueueAndWait('sum', { n }, { queue })));
    expect(results).toEqual(numbers.map((n) => n + 1));
  });

  test('ends with an error when its broker is closed', async () => {
    const other = await createStore();
    const closing = await other.connect();
    const waiting = new Client(closing).enqueueAndWait('x', null, { queue, id: 'a' });
    const ended = expect(waiting).rejects.toMatchObject({ code: 'broker-closed' });
    await expect.poll(() => closing.inspect.task(address('a'))).not.toBeNull();
    await closing.close();
    await ended;
    await other.remove();
  });

  test('a wake-up that is lost is made good by a look within 8 seconds', async () => {
    const clock = createFakeClock();
    const deaf = { waitForEnd: (_: object, signal: AbortSignal) => aborted(signal) };
    const half = { ...broker, signals: { ...broker.signals, ...deaf } };
    const waiting = new Client(half, { runtime: { clock } }).enqueueAndWait(
      'sum',
      { n: 4 },
      { queue, id: 'a' },
    );
    await clock.waitForSleepers(2);
    await work(add);
    await expect.poll(() => record('a')).toMatchObject({ state: 'completed' });
    await clock.advance(7_500);
    expect(await waiting).toBe(5);
  });

  test('outlasts a broker that does not answer, and says at the end why it knows nothing', async () => {
    const clock = createFakeClock();
    const unavailable = () => {
      const details = { broker: 'b', outcome: 'unknown', cause: 'gone' } as const;
      return Promise.reject(new TaskCenterError('broker-unavailable', details));
    };
    const away = { ...broker, inspect: { ...broker.inspect, task: unavailable } };
    const waiting = new Client(away, { runtime: { clock } }).result(address('a'), { wait: '1s' });
    const ended = expect(waiting).rejects.toMatchObject({
      code: 'wait-over',
      message: expect.stringContaining('the broker could not say: The broker b did not answer') as string,
    });
    for (let n = 0; n < 4; n += 1) {
      await clock.waitForSleepers(2);
      await clock.advance(250);
    }
    await ended;
  });
});

const aborted = (signal: AbortSignal) =>
  new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
