import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Events, type EventName } from '../../src/runtime/events.ts';
import { eachLevel } from '../../src/runtime/log.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { Worker } from '../../src/worker/worker.ts';
import type { WorkerEvents } from '../../src/worker/worker-events.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvents } from '../support/next-event.ts';

const BACKOFF = { kind: 'fixed', delay: 0, jitter: 0 } as const;
const NUMBER = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) =>
      typeof value === 'number' ? { value: value * 2 } : { issues: [{ message: 'no number' }] },
  },
} as const;

describe.each(brokerKinds)('around handlers on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let events: Events;
  let worker: Worker;
  let logged: string[];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    logged = [];
    const log = eachLevel((level) => (_, message) => void logged.push(`${level} ${message}`));
    broker = await store.connect({ log });
    logged.length = 0;
    client = new Client(broker);
    events = new Events();
    worker = new Worker(broker, { runtime: { events } });
  });

  afterEach(async () => {
    if (!available) return;
    await worker.stop();
    await store.remove();
  });

  /** Starts the worker; resolves when it has made this number of attempts. */
  async function attempts(count: number) {
    const ended = nextEvents(events, 'attempt.finished', count);
    await worker.start();
    return ended;
  }

  test('a worker tells its listeners of each end, and no more of the task than its name', async () => {
    const told: [string, object][] = [];
    for (const name of ['completed', 'failed', 'archived'] as const)
      worker.on(name, (event) => void told.push([name, event]));
    worker.handle('good', () => 1);
    worker.handle('bad', () => Promise.reject(new TypeError('no')));
    await client.enqueue('good', 'secret', { id: 'g' });
    await client.enqueue('bad', 'secret', { id: 'b', maxRetries: 1, backoff: BACKOFF });
    await attempts(3);
    const common = (id: string, attempt: number) => ({
      task: { queue: 'default', id },
      type: id === 'g' ? 'good' : 'bad',
      attempt,
      runMs: expect.any(Number),
    });
    const error = expect.any(TypeError);
    const last = { ...common('b', 2), error, reason: 'out of retries (1)' };
    expect(told.sort(([a], [b]) => a.localeCompare(b))).toEqual([
      ['archived', last],
      ['completed', common('g', 1)],
      ['failed', { ...common('b', 1), error, reason: 'default: retry', nextAt: expect.any(Date) }],
      ['failed', { ...last, nextAt: null }],
    ]);
  });

  test('a listener that throws or rejects is logged, and harms nothing', async () => {
    worker.on('completed', () => {
      throw new Error('thrown');
    });
    worker.on('completed', () => Promise.reject(new Error('rejected')));
    events.on('attempt.started', () => Promise.reject(new Error('rejected, too')));
    const removed = worker.on('completed', () => logged.push('called'));
    removed();
    worker.handle('x', () => {});
    await client.enqueue('x');
    const [end] = await attempts(1);
    expect(end).toMatchObject({ outcome: 'succeeded' });
    expect(logged).toEqual(['error a listener of a worker failed', 'error a listener of a worker failed']);
  });

  test('the events of a run have the fields of their types, and neither payload nor lease token', async () => {
    const seen = new Map<EventName, object>();
    const names: EventName[] = ['attempt.started', 'attempt.finished'];
    for (const name of names) events.on(name, (event) => void seen.set(name, event));
    worker.handle('x', () => {});
    await client.enqueue('x', 'secret');
    await attempts(1);
    const task = { queue: 'default', id: expect.any(String) };
    const both = { task, type: 'x', attempt: 1, waitMs: expect.any(Number), business: null };
    // The callback, too, is a field of its own: undefined.
    expect(seen.get('attempt.started')).toStrictEqual({ ...both, callback: undefined });
    const rest = { outcome: 'succeeded', runMs: expect.any(Number), record: expect.any(Object) };
    expect(seen.get('attempt.finished')).toStrictEqual({ ...both, callback: undefined, ...rest });
    expect(seen.get('attempt.finished')).toMatchObject({ record: { outcome: 'succeeded', number: 1 } });
    for (const event of seen.values()) expect(JSON.stringify(event)).not.toMatch(/secret|token/);
  });

  test('middleware runs around all handlers, the first one outermost, and sees their results and errors', async () => {
    const steps: string[] = [];
    for (const name of ['outer', 'inner'])
      worker.use(async (task, { log }, next) => {
        log.info({}, name);
        try {
          steps.push(`${name} ${task.type} ${String(task.payload)}`);
          steps.push(`${name} got ${String(await next())}`);
        } catch (error) {
          steps.push(`${name} threw ${(error as Error).message}`);
          throw error;
        }
      });
    worker.handle(defineTask('double', { payload: NUMBER, result: NUMBER }), ({ payload }) => payload + 1);
    worker.handle('*', () => Promise.reject(new Error('no')));
    await client.enqueue('double', 4, { id: 'd', retention: '1m' });
    await client.enqueue('other', 5, { maxRetries: 0 });
    await attempts(2);
    expect(steps.filter((step) => / double| got/.test(step))).toEqual([
      'outer double 4',
      'inner double 4',
      'inner got 9',
      'outer got 9',
    ]);
    expect(steps.filter((step) => step.includes('threw'))).toEqual(['inner threw no', 'outer threw no']);
    const stored = await broker.inspect.task({ queue: 'default', id: 'd' });
    expect(String(Buffer.from(stored?.result ?? ''))).toBe('9');
  });

  test.each<[string, Parameters<Worker['use']>[0], { outcome: string; result: string | null }]>([
    ['does not wait for next', (_t, _c, next) => void next(), { outcome: 'succeeded', result: '1' }],
    ['gives another result', async (_t, _c, next) => [await next()], { outcome: 'succeeded', result: '[1]' }],
    ['never calls next', () => 'instead', { outcome: 'succeeded', result: '"instead"' }],
    ['throws', () => Promise.reject(new Error('no')), { outcome: 'archived', result: null }],
    [
      'calls next twice',
      async (_t, _c, next) => [await next(), await next()],
      { outcome: 'archived', result: null },
    ],
  ])('a middleware that %s', async (_, middleware, { outcome, result }) => {
    let calls = 0;
    worker.use(middleware).handle('x', async () => {
      await Promise.resolve();
      calls += 1;
      return 1;
    });
    await client.enqueue('x', null, { id: 'a', retention: '1m', maxRetries: 0 });
    expect(await attempts(1)).toMatchObject([{ outcome }]);
    expect(calls).toBeLessThanOrEqual(1);
    const stored = await broker.inspect.task({ queue: 'default', id: 'a' });
    expect(stored?.result ? String(Buffer.from(stored.result)) : null).toBe(result);
  });

  test('a middleware may swallow an error, and one that does not wait swallows none', async () => {
    worker.use(async (task, _context, next) => {
      if (task.type === 'waits') await next().catch(() => {});
      else void next();
    });
    worker.handle('*', () => Promise.reject(new Error('no')));
    await client.enqueue('waits', null, { id: 'waits' });
    await client.enqueue('goes on', null, { id: 'goes', maxRetries: 0 });
    const ends = await attempts(2);
    expect(Object.fromEntries(ends.map(({ type, outcome }) => [type, outcome]))).toEqual({
      waits: 'succeeded',
      'goes on': 'archived',
    });
  });

  test('what is no event, no listener or no middleware is refused, and so is middleware after the start', async () => {
    const name = 'error' as keyof WorkerEvents;
    expect(() => worker.on(name, () => {})).toThrow(/^event is not valid: found "error"/);
    expect(() => worker.on('failed', 5 as never)).toThrow(/^listener is not valid/);
    expect(() => worker.use({} as never)).toThrow(/^middleware is not valid/);
    await worker.handle('x', () => {}).start();
    expect(() => worker.use(() => {})).toThrow(expect.objectContaining({ code: 'worker-misused' }));
  });
});
