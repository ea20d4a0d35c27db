import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { HandlerError, NonRetryableError } from '../../src/errors/handler-errors.ts';
import { Events } from '../../src/runtime/events.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { settle } from '../support/fake-clock.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';

describe.each(brokerKinds)('a worker on $name', ({ available, createStore }) => {
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

  function aWorker(options: WorkerOptions = {}): Worker {
    const worker = new Worker(broker, { ...options, runtime: { events, random: () => 0 } });
    workers.push(worker);
    return worker;
  }

  const counts = async (queue = 'default') => (await broker.inspect.queueFacts([queue]))[0]?.counts;
  const record = (id: string, queue = 'default') => broker.inspect.task({ queue, id });

  test('runs a handler with the payload, and keeps the result for the retention', async () => {
    const done = nextEvent(events, 'attempt.finished');
    const worker = aWorker().handle<{ n: number }>('sum', ({ payload }) => ({ twice: payload.n * 2 }));
    await worker.start();
    await client.enqueue('sum', { n: 21 }, { id: 'a', retention: '1h' });
    expect(await done).toMatchObject({ outcome: 'succeeded', attempt: 1 });
    const task = await record('a');
    expect(task?.state).toBe('completed');
    expect(Buffer.from(task?.result ?? []).toString()).toBe('{"twice":42}');
    expect(task?.attempts).toMatchObject([{ number: 1, outcome: 'succeeded', worker: worker.name }]);
  });

  test('passes numbers that a double cannot hold to the handler as bytes, also after a retry', async () => {
    const bytes = Buffer.from('{"id":9223372036854775807,"rate":0.30000000000000004}');
    const seen: string[] = [];
    const ends = nextEvents(events, 'attempt.finished', 2);
    await aWorker()
      .handle('big', ({ payloadBytes, attempt }) => {
        seen.push(Buffer.from(payloadBytes ?? []).toString());
        if (attempt === 1) throw new Error('once more');
      })
      .start();
    await client.enqueue('big', bytes, { backoff: { kind: 'fixed', delay: 1, jitter: 0 } });
    await ends;
    expect(seen).toEqual([String(bytes), String(bytes)]);
  });

  test('removes a task without retention when it is done', async () => {
    const done = nextEvent(events, 'attempt.finished');
    await aWorker()
      .handle('x', () => 'a result nobody keeps')
      .start();
    await client.enqueue('x', undefined, { id: 'a' });
    await done;
    expect(await record('a')).toBeNull();
  });

  test('retries after the backoff until it succeeds, and keeps each attempt', async () => {
    const ends = nextEvents(events, 'attempt.finished', 3);
    const startedAt: number[] = [];
    await aWorker()
      .handle('flaky', ({ attempt }) => {
        startedAt.push(performance.now());
        if (attempt < 3) throw new Error(`failure ${attempt}`);
        return 'ok';
      })
      .start();
    const backoff = { kind: 'list', delays: [50, 120], jitter: 0 } as const;
    await client.enqueue('flaky', null, { id: 'a', retention: '1h', backoff });
    expect((await ends).map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'succeeded']);
    const task = await record('a');
    expect(task).toMatchObject({ state: 'completed', attempt: 3, retried: 2 });
    expect(task?.attempts.map(({ error }) => error?.message)).toEqual(['failure 1', 'failure 2', undefined]);
    const [first = 0, second = 0, third = 0] = startedAt;
    expect(second - first).toBeGreaterThanOrEqual(49);
    expect(third - second).toBeGreaterThanOrEqual(119);
  });

  test('archives a task that is out of retries with its last error', async () => {
    const archived = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'archived');
    await aWorker()
      .handle('bad', () => {
        throw new TypeError('broken');
      })
      .start();
    await client.enqueue('bad', null, {
      id: 'a',
      maxRetries: 1,
      backoff: { kind: 'fixed', delay: 1, jitter: 0 },
    });
    expect(await archived).toMatchObject({ attempt: 2 });
    expect(await record('a')).toMatchObject({
      state: 'archived',
      retried: 1,
      lastError: { message: 'broken' },
    });
  });

  test('archives a task at once after a NonRetryableError', async () => {
    const end = nextEvent(events, 'attempt.finished');
    await aWorker()
      .handle('bad', () => Promise.reject(new NonRetryableError('no such user')))
      .start();
    await client.enqueue('bad', null, { id: 'a' });
    expect(await end).toMatchObject({ outcome: 'archived', attempt: 1 });
  });

  test('finds a NonRetryableError in an error that wraps it', async () => {
    const end = nextEvent(events, 'attempt.finished');
    await aWorker()
      .handle('bad', () => {
        throw new Error('while greeting', { cause: new NonRetryableError('no such user') });
      })
      .start();
    await client.enqueue('bad', null, { id: 'a' });
    expect(await end).toMatchObject({ outcome: 'archived', attempt: 1 });
  });

  test('gives an attempt without timeout and deadline 30 minutes, as Asynq does', async () => {
    const limits: number[] = [];
    const end = nextEvent(events, 'attempt.finished');
    await aWorker()
      .handle('x', (_, { deadlineMs }) => void limits.push(deadlineMs - Date.now()))
      .start();
    await client.enqueue('x', null, { timeout: '0s' });
    await end;
    expect(limits[0]).toBeGreaterThan(29 * 60_000);
    expect(limits[0]).toBeLessThanOrEqual(30 * 60_000);
  });

  test('waits longer than the policy says if the error asks for it', async () => {
    const end = nextEvent(events, 'attempt.finished');
    await aWorker()
      .handle('busy', () => {
        throw new HandlerError('busy', { retryAfter: 60_000, errorClass: 'http_status', status: 503 });
      })
      .start();
    await client.enqueue('busy', null, { id: 'a' });
    await end;
    const task = await record('a');
    expect(task?.state).toBe('retry');
    expect((task?.dueMs ?? 0) - Date.now()).toBeGreaterThan(58_000);
    expect(task?.attempts[0]?.error).toMatchObject({ class: 'http_status', message: 'busy', status: 503 });
  });

  test('in the profile of Asynq, fails a task without a handler with an error that names its type', async () => {
    const end = nextEvent(events, 'attempt.finished');
    await aWorker({ profile: 'asynq' })
      .handle('known', () => {})
      .start();
    await client.enqueue('unknown', null, { id: 'a' });
    expect(await end).toMatchObject({ outcome: 'failed' });
    expect((await record('a'))?.lastError?.message).toBe('handler not found for task "unknown"');
  });

  test('ends an attempt at its timeout, aborts its signal and retries it', async () => {
    const end = nextEvent(events, 'attempt.finished');
    let reason: unknown;
    await aWorker()
      .handle('slow', (_, { signal }) => {
        signal.addEventListener('abort', () => (reason = signal.reason));
        return new Promise(() => {});
      })
      .start();
    await client.enqueue('slow', null, { id: 'a', timeout: '80ms' });
    const { outcome, runMs } = await end;
    expect(outcome).toBe('failed');
    expect(runMs).toBeGreaterThanOrEqual(79);
    expect(runMs).toBeLessThan(900);
    expect(reason).toMatchObject({ message: 'context deadline exceeded' });
    expect((await record('a'))?.attempts[0]?.error).toEqual({
      class: 'timeout',
      message: 'context deadline exceeded',
    });
  });

  test('does not run a task after its deadline', async () => {
    const end = nextEvent(events, 'attempt.finished');
    let ran = false;
    await aWorker()
      .handle('late', () => {
        ran = true;
      })
      .start();
    await client.enqueue('late', null, { id: 'a', deadline: new Date(Date.now() - 5_000) });
    expect(await end).toMatchObject({ outcome: 'archived' });
    expect(ran).toBe(false);
    expect((await record('a'))?.attempts[0]?.error?.class).toBe('expired');
  });

  test('never runs more attempts at once than its concurrency', async () => {
    const ends = nextEvents(events, 'attempt.finished', 60);
    let running = 0;
    let maxRunning = 0;
    let fill = () => {};
    const full = new Promise<void>((resolve) => (fill = resolve));
    await aWorker({ concurrency: 7 })
      .handle('x', async () => {
        running += 1;
        maxRunning = Math.max(maxRunning, running);
        if (running === 7) fill();
        await full;
        // A call that takes a task too many has been made and answered by now, and its task has started.
        await settle();
        await broker.ping();
        await settle();
        running -= 1;
      })
      .start();
    await client.enqueueMany(Array.from({ length: 60 }, () => ({ task: 'x' })));
    await ends;
    expect(maxRunning).toBe(7);
  });

  test('empties a queue before it looks at one of lower priority', async () => {
    const order: string[] = [];
    const ends = nextEvents(events, 'attempt.finished', 30);
    for (const queue of ['low', 'default', 'critical']) {
      await client.enqueueMany(Array.from({ length: 10 }, () => ({ task: 'x', queue })));
    }
    const queues = { low: 1, critical: 3, default: 2 };
    await aWorker({ queues, order: 'strict', concurrency: 1 })
      .handle('x', ({ queue }) => void order.push(queue))
      .start();
    await ends;
    const expected = ['critical', 'default', 'low'].flatMap((queue) =>
      Array.from({ length: 10 }, () => queue),
    );
    expect(order).toEqual(expected);
  });

  test('starts a delayed task on time, never early', async () => {
    const end = nextEvent(events, 'attempt.finished');
    let startedMs = 0;
    await aWorker()
      .handle('x', () => {
        startedMs = Date.now();
      })
      .start();
    const { dueAt, state } = await client.enqueue('x', null, { delay: '333ms' });
    await end;
    expect(state).toBe('scheduled');
    expect(startedMs).toBeGreaterThanOrEqual(dueAt.getTime());
    expect(startedMs).toBeLessThan(dueAt.getTime() + 500);
  });

  test('waits for running attempts when it stops, and takes no more tasks', async () => {
    const started = nextEvent(events, 'attempt.started');
    const ends = nextEvents(events, 'attempt.finished', 1);
    let release = () => {};
    const worker = aWorker({ concurrency: 1 }).handle(
      'x',
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    await worker.start();
    await client.enqueueMany([{ task: 'x' }, { task: 'x' }]);
    await started;
    const stopped = worker.stop();
    release();
    await stopped;
    expect(await ends).toMatchObject([{ outcome: 'succeeded' }]);
    expect(await counts()).toMatchObject({ pending: 1, active: 0 });
  });

  test('gives back attempts that do not end in time when it stops: next to run, and not counted', async () => {
    const started = nextEvent(events, 'attempt.started');
    const worker = aWorker({ concurrency: 1, shutdownTimeout: 50 }).handle('x', () => new Promise(() => {}));
    await worker.start();
    await client.enqueue('x', null, { id: 'first' });
    await started;
    await client.enqueue('x', null, { id: 'second' });
    await worker.stop();
    expect(await record('first')).toMatchObject({ state: 'pending', attempt: 0, retried: 0, deferrals: 1 });
    const again = nextEvent(events, 'attempt.started');
    await aWorker({ concurrency: 1 })
      .handle('x', () => {})
      .start();
    expect(await again).toMatchObject({ task: { id: 'first' }, attempt: 1 });
  });

  test('renews the lease of a long attempt, which no other worker takes', async () => {
    const leaseMs = 2_000;
    const done = nextEvent(events, 'attempt.finished', ({ task }) => task.id === 'a');
    const started = nextEvent(events, 'attempt.started');
    // The lease of this abandoned task ends later than the first lease of the long attempt.
    const recovered = nextEvent(events, 'tasks.recovered');
    let runs = 0;
    const start = async () => {
      const worker = aWorker({ lease: leaseMs, concurrency: 1 });
      worker.handle('long', async () => {
        runs += 1;
        await recovered;
      });
      worker.handle('abandoned', () => {});
      await worker.start();
    };
    await client.enqueue('abandoned', null, { id: 'abandoned' });
    const exchange = { finishes: [], queues: ['default'], room: 1, leaseMs: leaseMs + 1_000, worker: 'gone' };
    expect((await broker.consume.exchange(exchange)).tasks).toHaveLength(1);
    await Promise.all([start(), start()]);
    await client.enqueue('long', null, { id: 'a', retention: '1h' });
    expect(await started).toMatchObject({ task: { id: 'a' } });
    expect(await recovered).toMatchObject({ recovered: 1 });
    expect(await done).toMatchObject({ outcome: 'succeeded' });
    expect(runs).toBe(1);
    expect(await record('a')).toMatchObject({ crashes: 0, attempt: 1 });
  });

  test('survives handlers that throw any value', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const refuse = () => {
      throw new Error('hands off');
    };
    const untouchable = new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse });
    const values = [
      undefined,
      null,
      'text',
      42n,
      cyclic,
      Symbol('s'),
      { toString: null },
      'x'.repeat(100_000),
      untouchable,
    ];
    const ends = nextEvents(events, 'attempt.finished', values.length);
    await aWorker()
      .handle<number>('throws', ({ payload }) => {
        throw values[payload];
      })
      .start();
    await client.enqueueMany(values.map((_, i) => ({ task: 'throws', payload: i, maxRetries: 0 })));
    expect((await ends).every(({ outcome }) => outcome === 'archived')).toBe(true);
  });

  test('refuses to be misused: no handlers, a second start, a handler after start, two for one type', async () => {
    const misused = expect.objectContaining({ code: 'worker-misused' }) as Error;
    await expect(aWorker().start()).rejects.toEqual(misused);
    const worker = aWorker().handle('x', () => {});
    expect(() => worker.handle('x', () => {})).toThrow(misused);
    await worker.start();
    await expect(worker.start()).rejects.toEqual(misused);
    expect(() => worker.handle('y', () => {})).toThrow(misused);
    await worker.stop();
    await worker.stop();
  });
});
