import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import type { TaskInspector } from '../../src/inspector/task-inspector.ts';
import { Events } from '../../src/runtime/events.ts';
import type { Handler, HandlerContext } from '../../src/worker/run/handlers.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';

const ignore = () => {};
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

describe.each(brokerKinds)('progress and log lines on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let events: Events;
  let workers: Worker[];
  let tasks: TaskInspector;

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    broker = await store.connect();
    events = new Events();
    workers = [];
    ({ tasks } = new Inspector(broker));
  });

  afterEach(async () => {
    if (!available) return;
    await Promise.all(workers.map((worker) => worker.stop({ timeout: 0 })));
    await store.remove();
  });

  async function work(handler: Handler, on: Broker = broker): Promise<void> {
    const worker = new Worker(on, { runtime: { events, log: silent } });
    workers.push(worker);
    await worker.handle('x', handler).start();
  }

  const enqueue = (options = {}) =>
    new Client(broker).enqueue('x', null, { id: 'a', retention: '1h', ...options });
  const address = { queue: 'default', id: 'a' };

  test('are there when the task has ended, the newest progress and every line', async () => {
    const ended = nextEvent(events, 'attempt.finished');
    await work((_, { progress, log }) => {
      for (let percent = 0; percent <= 50; percent += 1) progress(percent, `at ${percent}`);
      log.info({ rows: 3 }, 'read');
      log.warn({ err: new TypeError('odd') }, 'half way');
    });
    await enqueue();
    await ended;
    const task = await tasks.get(address);
    expect(task).toMatchObject({ state: 'completed', progress: { percent: 50, message: 'at 50' } });
    expect(await tasks.log(address)).toMatchObject({
      lines: [
        { level: 'info', message: 'read', attempt: 1, fields: { rows: 3 } },
        { level: 'warn', message: 'half way', fields: { err: { class: 'TypeError', message: 'odd' } } },
      ],
      dropped: 0,
    });
  });

  test('are shown while the handler runs', async () => {
    let goOn = ignore;
    const ended = nextEvent(events, 'attempt.finished');
    await work((_, { progress, log }) => {
      progress(10);
      log.info({}, 'begun');
      return new Promise<void>((resolve) => (goOn = resolve));
    });
    await enqueue();
    await expect
      .poll(() => broker.inspect.task(address), { timeout: 10_000 })
      .toMatchObject({ state: 'active', progress: { percent: 10, message: null } });
    expect((await tasks.log(address)).lines).toMatchObject([{ message: 'begun' }]);
    goOn();
    await ended;
  });

  test('of failed attempts stay with the task, each with its attempt', async () => {
    const ended = nextEvent(events, 'attempt.finished');
    await work(({ attempt }, { progress, log }) => {
      progress(attempt * 10);
      log.info({}, `try ${attempt}`);
      throw new Error('no');
    });
    await enqueue({ maxRetries: 0 });
    await ended;
    expect(await tasks.get(address)).toMatchObject({ state: 'archived', progress: { percent: 10 } });
    expect((await tasks.log(address)).lines).toMatchObject([{ message: 'try 1', attempt: 1 }]);
  });

  test('are written in one call for many, and none is made for a task that is removed or tells nothing', async () => {
    const calls: number[] = [];
    const counting: Broker = {
      ...broker,
      consume: {
        ...broker.consume,
        keepNotes(notes) {
          calls.push(notes.length);
          return broker.consume.keepNotes(notes);
        },
      },
    };
    const waiting = new Set<() => void>();
    await work(({ payload }, { progress }) => {
      if (payload === 'silent') return undefined;
      progress(1);
      return payload === 'removed' ? undefined : new Promise<void>((resolve) => waiting.add(resolve));
    }, counting);
    const client = new Client(broker);
    await client.enqueueAndWait('x', 'silent');
    const removed = nextEvent(events, 'attempt.finished');
    await client.enqueue('x', 'removed');
    await removed;
    expect(calls).toEqual([]);
    await client.enqueueMany(Array.from({ length: 5 }, (_, n) => ({ task: 'x', payload: n })));
    await expect.poll(() => calls, { timeout: 10_000 }).toEqual([5]);
    for (const end of waiting) end();
  });

  test.each<[string, (context: HandlerContext) => void]>([
    ['percent', ({ progress }) => progress(Number.NaN)],
    ['percent', ({ progress }) => progress('50' as never)],
    ['message', ({ progress }) => progress(50, 5 as never)],
  ])('a bad %s is refused where it is given (case %#)', async (name, tell) => {
    const ended = nextEvent(events, 'attempt.finished');
    let refused: unknown;
    await work((_, context) => {
      try {
        tell(context);
      } catch (error) {
        refused = error;
      }
    });
    await enqueue();
    await ended;
    expect(refused).toMatchObject({ code: 'invalid-value', details: { name } });
    expect(await tasks.get(address)).toMatchObject({ progress: null });
  });

  test('progress is brought between 0 and 100, and what a handler tells after its end is dropped', async () => {
    const contexts: HandlerContext[] = [];
    const ended = nextEvent(events, 'attempt.finished');
    await work((_, context) => {
      contexts.push(context);
      context.progress(101);
    });
    await enqueue();
    await ended;
    contexts[0]?.progress(5);
    expect(await tasks.get(address)).toMatchObject({ progress: { percent: 100 } });
  });

  test('a broker that does not take them harms no attempt', async () => {
    const unavailable = () => {
      const details = { broker: 'b', outcome: 'unknown', cause: 'gone' } as const;
      return Promise.reject(new TaskCenterError('broker-unavailable', details));
    };
    const ended = nextEvent(events, 'attempt.finished');
    await work(
      (_, { progress, log }) => {
        progress(5);
        log.info({ big: 1n, self: events }, 'a line');
        return 'done';
      },
      { ...broker, consume: { ...broker.consume, keepNotes: unavailable } },
    );
    await enqueue();
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(await tasks.get(address)).toMatchObject({ state: 'completed', result: 'done', progress: null });
  });
});
