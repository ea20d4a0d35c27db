import { setImmediate as nextLoopRound } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { Consume } from '../../src/broker/consume.ts';
import { Client } from '../../src/client/client.ts';
import { HandlerError, type HandlerErrorHints } from '../../src/errors/handler-errors.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { Events } from '../../src/runtime/events.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import type { BackoffOptions } from '../../src/task/backoff-options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { aTask } from '../support/factories.ts';
import { settle } from '../support/fake-clock.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';

/** A promise that a test opens. */
function aGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open(), opened };
}

describe.each(brokerKinds)('a worker beside faults on $name', ({ available, createStore }) => {
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

  interface Setting {
    readonly options?: WorkerOptions;
    readonly consume?: Partial<Consume>;
    readonly clock?: Clock;
  }

  /** A worker on a broker with some calls replaced. */
  function aWorker({ options = {}, consume = {}, clock = systemClock }: Setting = {}): Worker {
    const faulty: Broker = {
      ...broker,
      consume: { ...broker.consume, ...consume },
      // Without a renewer thread, renewals go through the replaced calls, too.
      leaseRenewal: null,
    };
    const worker = new Worker(faulty, { ...options, runtime: { events, random: () => 0, clock } });
    workers.push(worker);
    return worker;
  }

  const record = (id: string) => broker.inspect.task({ queue: 'default', id });
  const enqueue = (count: number, prefix = 't') =>
    client.enqueueMany(Array.from({ length: count }, (_, i) => ({ task: 'x', id: `${prefix}${i}` })));

  test('gives back at once the tasks that a call brings after stop', async () => {
    await enqueue(3);
    const fetched = aGate();
    const answered = aGate();
    let runs = 0;
    const worker = aWorker({
      consume: {
        async exchange(exchange, options) {
          const outcome = await broker.consume.exchange(exchange, options);
          if (outcome.tasks.length === 0) return outcome;
          fetched.open();
          await answered.opened;
          return outcome;
        },
      },
    }).handle('x', async () => {
      runs += 1;
      await nextLoopRound();
    });
    await worker.start();
    await fetched.opened;
    const stopped = worker.stop();
    answered.open();
    await stopped;
    expect(runs).toBe(0);
    for (const id of ['t0', 't1', 't2'])
      expect(await record(id)).toMatchObject({ state: 'pending', attempt: 0, crashes: 0 });
  });

  test('neither exceeds its concurrency nor finishes twice after a slow call whose leases cannot be renewed', async () => {
    await enqueue(3, 'early');
    let skippedMs = 0;
    let exchanges = 0;
    let extensions = 0;
    const worker = aWorker({
      options: { concurrency: 2, maintenance: false },
      clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skippedMs },
      consume: {
        async exchange(exchange, options) {
          const outcome = await broker.consume.exchange(exchange, options);
          exchanges += 1;
          if (outcome.tasks.length > 0 && exchanges > 2 && extensions === 0) skippedMs += 1_500;
          return outcome;
        },
        extend(leases, lengthMs) {
          extensions += 1;
          if (extensions === 1) return Promise.reject(new Error('no answer'));
          return broker.consume.extend(leases, lengthMs);
        },
      },
    });
    let running = 0;
    let maxRunning = 0;
    const full = aGate();
    worker.handle('x', async () => {
      running += 1;
      maxRunning = Math.max(maxRunning, running);
      if (running === 2) full.open();
      await full.opened;
      // A call that takes a task too many has been made and answered by now, and its task has started.
      await settle();
      await broker.ping();
      await settle();
      running -= 1;
    });
    const lost = nextEvent(events, 'lease.lost').then(() => 'lost');
    const ends = nextEvents(events, 'attempt.finished', 22).then((all) =>
      all.every(({ outcome }) => outcome === 'succeeded') ? 'done' : 'not all succeeded',
    );
    await worker.start();
    await enqueue(20, 'late');
    expect(await Promise.race([lost, ends])).toBe('done');
    expect(extensions).toBeGreaterThan(0);
    expect(maxRunning).toBe(2);
  });

  test('runs tasks despite a listener that throws', async () => {
    const warnings: string[] = [];
    const listen = ({ message }: Error) => void warnings.push(message);
    process.on('warning', listen);
    events.on('attempt.started', () => {
      throw new Error('a broken counter');
    });
    events.on('attempt.finished', () => {
      throw new Error('a broken counter');
    });
    const ends = nextEvents(events, 'attempt.finished', 10);
    let runs = 0;
    await aWorker()
      .handle('x', () => void (runs += 1))
      .start();
    await enqueue(10);
    const outcomes = (await ends).map(({ outcome }) => outcome);
    await nextLoopRound();
    process.off('warning', listen);
    expect(outcomes).toEqual(outcomes.map(() => 'succeeded'));
    expect(runs).toBe(10);
    expect(warnings.length).toBeGreaterThan(0);
  });

  test('goes on when a handler records what JSON cannot hold or what is too long', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const ends = nextEvents(events, 'attempt.finished', 3);
    const exchanges: Readonly<Record<string, unknown>>[] = [
      { big: 1n },
      cyclic,
      { long: 'x'.repeat(20_000) },
    ];
    await aWorker()
      .handle<number>('records', ({ payload }, context) => context.record(exchanges[payload] ?? {}))
      .start();
    await client.enqueueMany(
      exchanges.map((_, i) => ({ task: 'records', payload: i, id: `n${i}`, retention: '1h' })),
    );
    expect((await ends).map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    for (const id of ['n0', 'n1', 'n2']) {
      const [attempt] = (await record(id))?.attempts ?? [];
      expect(attempt?.exchange).toHaveProperty('left_out');
    }
  });

  test.each<{ what: string; note: unknown; fails?: true; reason: string | undefined }>([
    { what: 'a success', note: 'seen', reason: 'seen' },
    { what: 'a failure', note: 'seen', fails: true, reason: 'out of retries (0); seen' },
    { what: 'at most 1,000 characters', note: 'x'.repeat(2_000), reason: 'x'.repeat(1_000) },
    { what: 'a text alone', note: 42, reason: undefined },
  ])('keeps what a handler notes: $what', async ({ note, fails, reason }) => {
    const ended = nextEvents(events, 'attempt.finished', 1);
    await aWorker()
      .handle('noted', (_, context) => {
        context.record({}, note as string);
        if (fails) throw new Error('no');
      })
      .start();
    await client.enqueue('noted', null, { id: 'noted', retention: '1h', maxRetries: 0 });
    await ended;
    expect((await record('noted'))?.attempts?.[0]?.reason).toBe(reason);
  });

  test('survives errors whose fields are not strings', async () => {
    const anError = (fields: Record<string, unknown>): Error => Object.assign(new Error('wrong'), fields);
    const unreadable = Object.defineProperty(new Error(), 'name', {
      get() {
        throw new Error('a getter that throws');
      },
    });
    const errors = [
      anError({ message: { code: 1 } }),
      anError({ message: 42n }),
      anError({ name: 7n }),
      unreadable,
    ];
    const ends = nextEvents(events, 'attempt.finished', errors.length);
    await aWorker()
      .handle<number>('x', ({ payload }) => {
        throw errors[payload] as Error;
      })
      .start();
    await client.enqueueMany(errors.map((_, i) => ({ task: 'x', payload: i, maxRetries: 0 })));
    expect((await ends).every(({ outcome }) => outcome === 'archived')).toBe(true);
  });

  test('hands in the attempts beside one whose hints are not what their types say', async () => {
    const unreadable = Object.defineProperty(new HandlerError('bad'), 'hints', {
      get() {
        throw new Error('a getter that throws');
      },
    });
    const wrong = { toJSON: () => BigInt(1) };
    const hints = [
      { errorClass: 5n, status: 5n, reason: 5n, retryable: 5n },
      { errorClass: Symbol('s'), status: Number.NaN, reason: { a: 1 }, retryable: null },
      { errorClass: wrong, status: wrong, reason: wrong, retryable: wrong },
      { errorClass: '\ud800'.repeat(20_000) },
      5,
      null,
    ];
    const errors = [
      ...hints.map((given) => Object.assign(new HandlerError('bad'), { hints: given })),
      new HandlerError('bad', hints[0] as unknown as HandlerErrorHints),
      unreadable,
    ];
    const ends = nextEvents(events, 'attempt.finished', 2 * errors.length);
    await aWorker({ options: { concurrency: 20 } })
      .handle<number>('x', ({ payload }) => {
        if (payload % 2 === 0) throw errors[payload / 2];
      })
      .start();
    const payloads = Array.from({ length: 2 * errors.length }, (_, i) => i);
    await client.enqueueMany(
      payloads.map((payload) => ({ task: 'x', payload, id: `t${payload}`, maxRetries: 0 })),
    );
    const outcomes = (await ends).map(({ outcome }) => outcome).sort();
    expect(outcomes).toEqual([...errors.map(() => 'archived'), ...errors.map(() => 'succeeded')]);
    const attempt = (await record('t0'))?.attempts?.[0];
    expect(attempt?.error).toMatchObject({ class: 'HandlerError', message: 'bad' });
    expect(attempt?.error).not.toHaveProperty('status');
    expect(attempt?.reason).toBe('out of retries (0)');
  });

  test('waits for any object with a then method, such as a query builder', async () => {
    const end = nextEvent(events, 'attempt.finished');
    const query = {
      // eslint-disable-next-line unicorn/no-thenable
      then: (_: unknown, reject: (error: Error) => void) =>
        setTimeout(() => reject(new Error('no table')), 5),
    };
    await aWorker()
      .handle('x', () => query)
      .start();
    await client.enqueue('x', null, { id: 'a', maxRetries: 0 });
    expect(await end).toMatchObject({ outcome: 'archived' });
    expect(await record('a')).toMatchObject({ lastError: { message: 'no table' } });
  });

  test('uses the default backoff instead of a damaged one in the store', async () => {
    const backoff = { kind: 'exponential', initialMs: 1_000, maxMs: 300_000 };
    const ends = nextEvents(events, 'attempt.finished', 2);
    await broker.submit.enqueue([
      aTask({ id: 'damaged', type: 'bad', meta: { backoff } }),
      aTask({ id: 'good', type: 'bad' }),
    ]);
    await aWorker()
      .handle('bad', () => {
        throw new Error('no');
      })
      .start();
    expect((await ends).map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    for (const id of ['damaged', 'good']) {
      const task = await record(id);
      expect(task?.state).toBe('retry');
      expect((task?.dueMs ?? 0) - Date.now()).toBeLessThanOrEqual(2_000);
    }
    const [facts] = await broker.inspect.queueFacts(['default']);
    expect(facts?.counts).toMatchObject({ retry: 2, active: 0, pending: 0 });
  });

  test.each([
    ['without its delay', { kind: 'fixed' }],
    ['in words', 'fixed'],
    ['of an unknown kind', { kind: 'random' }],
    ['with a delay that is no number', { kind: 'list', delays: [1, Number.NaN] }],
  ])('a backoff %s is refused when the task is submitted', async (_, backoff) => {
    const enqueued = client.enqueue('x', null, { backoff: backoff as unknown as BackoffOptions });
    await expect(enqueued).rejects.toMatchObject({ code: 'invalid-value' });
  });
});
