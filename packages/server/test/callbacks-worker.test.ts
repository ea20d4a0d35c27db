import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import {
  createRuntime,
  silentLog,
  type Broker,
  type Log,
  type NewTask,
  type Runtime,
  type TaskRecord,
} from '@task-center/engine';
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type BrokerKind, type TestStore } from '../../engine/test/support/brokers.ts';
import { aTask as anyTask } from '../../engine/test/support/factories.ts';
import { nextEvent } from '../../engine/test/support/next-event.ts';
import { createCallbackWorker } from '../src/callbacks/callback-worker.ts';
import type { UrlRules } from '../src/callbacks/url-rules.ts';

interface Seen {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly atMs: number;
}
type Answer = (response: ServerResponse, nth: number) => void;

/** Starts a receiver that records its requests. */
async function startReceiver() {
  const seen: Seen[] = [];
  let answer: Answer = (response) => void response.end('ok');
  const server = createServer((request, response) => {
    const atMs = Date.now();
    void buffer(request).then((body) => {
      seen.push({ headers: request.headers, body, atMs });
      answer(response, seen.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    seen,
    reset() {
      seen.length = 0;
      answer = (response) => void response.end('ok');
    },
    answers: (next: Answer) => void (answer = next),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const FAST = { kind: 'fixed', delayMs: 20, jitter: 0 };
const ANYWHERE: UrlRules = { mode: 'try', allow: [] };

function callbackWorkerSuite(kind: BrokerKind): void {
  let place: TestStore;
  let broker: Broker;
  let runtime: Runtime;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  const stops: (() => Promise<void>)[] = [];
  let taskCount = 0;

  beforeAll(async () => {
    place = await kind.createStore();
    receiver = await startReceiver();
  });
  afterAll(async () => {
    receiver.close();
    await place.remove();
  });
  beforeEach(async () => {
    broker = await place.connect();
    receiver.reset();
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await broker.close();
  });

  /** A callback task with an ID of its own. */
  function aTask({ callback = {}, ...over }: Partial<NewTask> & { callback?: object } = {}): NewTask {
    taskCount += 1;
    return anyTask({
      queue: 'default~cb',
      id: `call-${taskCount}`,
      retentionMs: 60_000,
      timeoutMs: 10_000,
      meta: { createdMs: Date.now(), backoff: FAST, callback: { url: receiver.url, ...callback } },
      ...over,
    });
  }

  async function start(rules: UrlRules = ANYWHERE, log: Log = silentLog) {
    runtime = createRuntime({ log });
    const config = { callbacks: { ...rules, concurrency: 8 } };
    const worker = createCallbackWorker({ broker, config, log, runtime });
    stops.push(() => worker.stop());
    await worker.start();
    return worker;
  }

  /** Stores tasks; resolves with their records when they have reached a final state. */
  async function run(...tasks: NewTask[]): Promise<TaskRecord[]> {
    const ends = tasks.map(({ id }) =>
      nextEvent(
        runtime.events,
        'attempt.finished',
        ({ task, outcome }) => task.id === id && outcome !== 'failed',
      ),
    );
    await broker.submit.enqueue(tasks);
    await Promise.all(ends);
    return Promise.all(tasks.map(async (task) => (await broker.inspect.task(task)) as TaskRecord));
  }

  test('a callback is delivered byte for byte and completes with the answer as its result', async () => {
    await start();
    const payload = Buffer.from('{ "order": 1234567890123456789 }');
    const [task] = await run(aTask({ id: 'exact', payload }));
    expect(receiver.seen.map(({ body }) => body)).toEqual([payload]);
    expect(receiver.seen[0]?.headers).toMatchObject({
      'task-center-task-id': 'exact',
      'task-center-queue': 'default',
      'task-center-attempt': '1',
      'task-center-max-attempts': '4',
      'content-length': String(payload.length),
    });
    expect(task).toMatchObject({ state: 'completed', attempt: 1 });
    expect(Buffer.from(task?.result ?? []).toString()).toBe('ok');
    expect(task?.attempts).toMatchObject([
      {
        outcome: 'succeeded',
        exchange: { response: { status: 200, body: 'ok', remote_address: '127.0.0.1' } },
      },
    ]);
  });

  test('a stored header that a receiver may read as one of ours is not sent', async () => {
    await start();
    const headers = {
      Webhook_Id: 'forged',
      Task_Center_Business_Id: 'forged',
      X_Forwarded_For: '::1',
      x_note: 'a',
    };
    await run(aTask({ callback: { headers } }));
    expect(Object.entries(receiver.seen[0]?.headers ?? {}).filter(([name]) => name.includes('_'))).toEqual([
      ['x_note', 'a'],
    ]);
    expect(receiver.seen[0]?.headers['webhook-id']).toMatch(/^dlv_/);
  });

  test('a task of HTTP whose stored policy is faster waits at least 1 s before its retry', async () => {
    receiver.answers((response) => void response.writeHead(503).end());
    await start();
    const task = aTask();
    // Else its retry reaches the receiver of a later test, also after this one failed.
    stops.push(async () => void (await broker.control.remove(task)));
    const failed = nextEvent(runtime.events, 'attempt.finished', ({ outcome }) => outcome === 'failed');
    await broker.submit.enqueue([{ ...task, meta: { ...task.meta, origin: 'api' } }]);
    await failed;
    const [attempt] = (await broker.inspect.task(task))?.attempts ?? [];
    // The end of the attempt is measured by another clock, whose milliseconds begin elsewhere.
    expect((attempt?.nextMs ?? 0) - (receiver.seen[0]?.atMs ?? Infinity)).toBeGreaterThanOrEqual(1_000);
  });

  test('a running callback that is cancelled is cut at the socket, and is not sent again', async () => {
    await start();
    const { control, signals, inspect } = broker;
    const cut = new Promise<void>((resolve) => {
      receiver.answers((response) => {
        response.on('close', resolve);
        response.writeHead(503).write('not yet');
        const ref = { queue: 'default~cb', id: 'cut' };
        void control.cancel(ref, { by: 'key_1' }).then(() => signals.cancel(['cut']));
      });
    });
    const [[task]] = await Promise.all([run(aTask({ id: 'cut' })), cut]);
    expect(task).toMatchObject({
      state: 'cancelled',
      cancelled: { by: 'key_1' },
      attempts: [{ outcome: 'cancelled', exchange: { request: { method: 'POST' } } }],
    });
    expect(receiver.seen).toHaveLength(1);
    expect(await inspect.task({ queue: 'default~cb', id: 'cut' })).toMatchObject({ state: 'cancelled' });
  });

  test('a callback fails twice, succeeds, and keeps its delivery ID over three attempts', async () => {
    await start();
    receiver.answers((response, nth) => {
      response.writeHead(nth <= 2 ? 503 : 200).end(nth <= 2 ? 'busy' : 'ok');
    });
    const [task] = await run(aTask());
    expect(task).toMatchObject({ state: 'completed', attempt: 3 });
    expect(task?.attempts).toMatchObject([
      {
        number: 1,
        outcome: 'failed',
        reason: 'default: 5xx retry',
        error: { class: 'http_status', message: '503 Service Unavailable', status: 503 },
        exchange: { response: { status: 503, body: 'busy' } },
      },
      { number: 2, outcome: 'failed' },
      { number: 3, outcome: 'succeeded' },
    ]);
    const ids = receiver.seen.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(1);
    expect(receiver.seen.map(({ headers }) => headers['task-center-attempt'])).toEqual(['1', '2', '3']);
  });

  test('a retry waits as long as Retry-After asks', async () => {
    await start();
    receiver.answers((response, nth) => {
      response.writeHead(nth === 1 ? 429 : 200, nth === 1 ? { 'retry-after': '1' } : {}).end();
    });
    await run(aTask());
    const [first, second] = receiver.seen;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  test('a task whose status is final becomes a dead letter at once', async () => {
    await start();
    receiver.answers((response) => void response.writeHead(422).end('{"no":"such order"}'));
    const [task] = await run(aTask());
    expect(task).toMatchObject({ state: 'archived', attempt: 1 });
    expect(task?.attempts).toMatchObject([{ outcome: 'failed', reason: 'default: 422 fails at once' }]);
  });

  test('an attempt without an answer in time is recorded with its request', async () => {
    await start();
    receiver.answers(() => undefined);
    const task = aTask({ maxRetries: 0, timeoutMs: 1_000 });
    const [record] = await run(task);
    expect(record).toMatchObject({ state: 'archived' });
    expect(record?.attempts).toMatchObject([
      {
        error: { class: 'timeout', message: 'no answer in time (limit 1000 ms)' },
        exchange: { request: { method: 'POST', url: receiver.url }, response: null },
      },
    ]);
  });

  test('a task without a readable callback becomes a dead letter', async () => {
    await start();
    const [task] = await run(aTask({ meta: { callback: 'nonsense' } }));
    expect(task).toMatchObject({ state: 'archived', attempts: [{ error: { class: 'undecodable' } }] });
  });

  test('a new queue is served at once when it is added', async () => {
    const worker = await start();
    const task = aTask({ queue: `fresh-${kind.name.toLowerCase()}~cb` });
    worker.addQueue(task.queue.slice(0, -3));
    expect((await run(task))[0]).toMatchObject({ state: 'completed' });
  });

  test('a queue of another program with any name does not stop the others', async () => {
    const worker = await start();
    await broker.submit.enqueue([anyTask({ queue: `${'q'.repeat(140)}~cb` })]);
    worker.addQueue('q'.repeat(128));
    const task = aTask({ queue: `beside-${kind.name.toLowerCase()}~cb` });
    expect((await run(task))[0]).toMatchObject({ state: 'completed' });
  });

  test('a queue that another process created is found', async () => {
    await start();
    const task = aTask({ queue: `found-${kind.name.toLowerCase()}~cb` });
    expect((await run(task))[0]).toMatchObject({ state: 'completed' });
  });

  test('tasks are delivered by priority: critical, high, default, low', async () => {
    const tasks = ['low', 'default', 'high', 'critical'].flatMap((queue) =>
      Array.from({ length: 12 }, () => aTask({ queue: `${queue}~cb` })),
    );
    await broker.submit.enqueue(tasks);
    await start();
    await run(aTask({ queue: 'low~cb' }));
    const order = receiver.seen.map(({ headers }) => String(headers['task-center-queue']));
    const middle = (queue: string) =>
      order.map((name, i) => (name === queue ? i : -1)).filter((i) => i >= 0)[6] ?? -1;
    expect(order).toHaveLength(49);
    expect(['critical', 'high', 'default', 'low'].map(middle)).toEqual(
      ['critical', 'high', 'default', 'low'].map(middle).sort((a, b) => a - b),
    );
  });

  test('handler tasks in the same logical queues are left alone', async () => {
    const foreign = ['default', 'critical', 'orders'].map((queue) => anyTask({ queue, type: 'go:unknown' }));
    const due = anyTask({ queue: 'default', delayMs: 1, id: 'foreign-due' });
    await broker.submit.enqueue([...foreign, due]);
    const worker = await start();
    worker.addQueue('orders');
    await run(aTask(), aTask({ queue: 'critical~cb' }), aTask({ queue: 'orders~cb', delayMs: 50 }));
    for (const task of foreign)
      expect(await broker.inspect.task(task)).toMatchObject({
        state: 'pending',
        attempt: 0,
        type: 'go:unknown',
      });
    expect(await broker.inspect.task(due)).toMatchObject({ state: 'scheduled' });
  });

  test('each failure is one log line with its context and each dead letter another one, without the payload', async () => {
    const lines: Parameters<Log['warn']>[] = [];
    const note = (...line: Parameters<Log['warn']>) => void lines.push(line);
    await start(ANYWHERE, { ...silentLog, warn: note, error: note });
    receiver.answers((response) => void response.writeHead(410).end('secret body'));
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { 'tc-user-id': 'u-42', traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    await run(aTask({ id: 'logged', headers, payload: Buffer.from('"hidden"') }));
    expect(lines).toMatchObject([
      [
        {
          task_id: 'logged',
          queue: 'default',
          attempt: 1,
          user_id: 'u-42',
          trace_id: trace,
          status: 410,
          err: { class: 'http_status', message: '410 Gone' },
        },
        'a callback attempt failed',
      ],
      [
        { task_id: 'logged', attempt: 1, err: { class: 'http_status' } },
        'a task was archived: a dead letter',
      ],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/hidden|secret body/);
  });

  test('a callback that is given back is no failure in the log', async () => {
    const lines: Parameters<Log['warn']>[] = [];
    const worker = await start(ANYWHERE, { ...silentLog, warn: (...line) => void lines.push(line) });
    const arrived = new Promise<void>((resolve) => receiver.answers(() => resolve()));
    const task = aTask();
    await broker.submit.enqueue([task]);
    await arrived;
    await worker.giveBack();
    expect(await broker.inspect.task(task)).toMatchObject({ state: 'pending', attempts: [], deferrals: 1 });
    expect(lines).toEqual([]);
    await broker.control.remove(task);
  });

  test('a running delivery may finish while the worker stops', async () => {
    const worker = await start();
    const arrived = new Promise<void>((resolve) => {
      receiver.answers((response) => {
        resolve();
        setTimeout(() => response.end('late'), 100);
      });
    });
    const done = run(aTask());
    await arrived;
    await worker.stop();
    expect((await done)[0]).toMatchObject({ state: 'completed', attempt: 1 });
  });
}

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`on ${kind.name}`, () => callbackWorkerSuite(kind));
