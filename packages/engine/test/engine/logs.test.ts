import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PeriodicTaskManager } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { HandlerError, NonRetryableError } from '../../src/errors/handler-errors.ts';
import { Events } from '../../src/runtime/events.ts';
import { eachLevel, type LogFields, type LogLevel } from '../../src/runtime/log.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import type { Handler } from '../../src/worker/run/handlers.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { nextEvents } from '../support/next-event.ts';
import { tempFolder } from '../support/temp.ts';

type RunOptions = WorkerOptions & { readonly attempts?: number; readonly payload?: unknown };
type Line = [level: LogLevel, message: string, fields: LogFields];

describe.each(brokerKinds)('log lines on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let events: Events;
  let lines: Line[];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    lines = [];
    const log = eachLevel((level) => (fields, message) => void lines.push([level, message, fields]));
    broker = await store.connect({ log });
    events = new Events();
    lines.length = 0;
  });

  afterEach(async () => {
    if (available) await store.remove();
  });

  /** Runs one task of this type to its end; resolves when it has had this number of attempts. */
  async function run(handler: Handler, task: object, options: RunOptions = {}) {
    const { attempts = 1, payload, ...rest } = options;
    const worker = new Worker(broker, { ...rest, runtime: { events, ...rest.runtime } });
    worker.handle('x', handler);
    const ended = nextEvents(events, 'attempt.finished', attempts);
    await new Client(broker).enqueue('x', payload, { id: 'a', ...task });
    await worker.start();
    await ended;
    await worker.stop();
  }

  const told = (level: LogLevel) => lines.filter(([at]) => at === level);

  test('there is a warning for each failed attempt and an error for each dead letter', async () => {
    const backoff = { kind: 'fixed', delay: 0, jitter: 0 } as const;
    const fails = () => {
      throw new TypeError('no such account', { cause: new Error('the ledger is closed') });
    };
    const context = { businessId: 'acme' };
    await run(fails, { maxRetries: 1, backoff, context }, { attempts: 2, payload: { secret: 1 } });
    const common = { task_id: 'a', business_id: 'acme', queue: 'default', type: 'x' };
    const err = {
      class: 'TypeError',
      message: 'no such account',
      stack: expect.stringMatching(/logs\.test\.ts[^]*Caused by: Error: the ledger is closed\n +at /),
    };
    expect(told('warn')).toMatchObject([
      ['warn', 'an attempt failed', { ...common, attempt: 1, next_at: expect.stringMatching(/^20/), err }],
      ['warn', 'an attempt failed', { ...common, attempt: 2, next_at: undefined, err }],
    ]);
    expect(told('error')).toMatchObject([
      [
        'error',
        expect.stringContaining('archived'),
        { ...common, attempt: 2, reason: 'out of retries (1)', err },
      ],
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('what is no failure is no warning', async () => {
    await run(() => Promise.reject(new Error('busy')), {}, { isFailure: () => false });
    expect([...told('warn'), ...told('error')]).toEqual([]);
    expect(told('debug')).toMatchObject([['debug', expect.anything(), { task_id: 'a' }]]);
  });

  test('a failure that its handler has logged is not logged twice, a dead letter always', async () => {
    await run(() => Promise.reject(new HandlerError('mine', { isLogged: true, retryable: false })), {});
    expect(lines.map(([level]) => level)).toEqual(['error']);
  });

  test.each(['asynq', undefined] as const)(
    'a type without a handler is an error, once: profile %s',
    async (profile) => {
      const tasks = Array.from({ length: 3 }, (_, i) => ({ task: 'y', id: `y${i}` }));
      await new Client(broker).enqueueMany(tasks);
      await run(() => {}, {}, { ...(profile && { profile }), attempts: profile ? 4 : 1 });
      const missing = told('error').filter(([, message]) => message.startsWith('no handler for this type'));
      expect(missing).toMatchObject([['error', expect.anything(), { queue: 'default', type: 'y' }]]);
    },
  );

  test("each line of a handler's log has the fields of its task", async () => {
    await run(
      (_, { log }) => {
        log.info({ order: 5, task_id: 'other' }, 'charged');
        log.warn('a text alone' as never, undefined as never);
      },
      {},
      { payload: 'secret' },
    );
    const own = { task_id: 'a', queue: 'default', type: 'x', attempt: 1 };
    expect(lines).toMatchObject([
      ['info', 'charged', { ...own, order: 5 }],
      ['warn', 'a text alone', own],
    ]);
  });

  test('a worker with a log of its own has its lines there', async () => {
    const own: string[] = [];
    const log = eachLevel(() => (_, message) => void own.push(message));
    await run(() => Promise.reject(new NonRetryableError('no')), {}, { runtime: { log } });
    expect([own.length, lines.length]).toEqual([2, 0]);
  });

  test('whatever is given the broker logs where the broker does', async () => {
    const provider = () => [{ spec: 'never', task: 'x' }];
    const manager = new PeriodicTaskManager(broker, { provider });
    await manager.start();
    await manager.stop();
    expect(lines).toMatchObject([['error', expect.stringContaining('periodic task'), { spec: 'never' }]]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('a log that %s fails no task', async (_, write) => {
    const log = eachLevel(() => write);
    const states: string[] = [];
    events.on('attempt.finished', ({ outcome }) => states.push(outcome));
    await run((_task, context) => context.log.info({}, 'm'), {}, { runtime: { log } });
    await run(() => Promise.reject(new NonRetryableError('no')), { id: 'b' }, { runtime: { log } });
    expect(states).toEqual(['succeeded', 'archived']);
  });

  test('a log that is none is refused by name', async () => {
    for (const log of [true, {}, 'stderr', null, { ...console, warn: 5 }])
      await expect(store.connect({ log: log as never })).rejects.toMatchObject({
        code: 'invalid-value',
        message: expect.stringMatching(/^log is not valid/),
      });
  });
});

describe('a program that has not said where its lines go', () => {
  const program = fileURLToPath(new URL('programs/fails.mjs', import.meta.url));

  async function stderrOf(tasks: number, log = 'default') {
    const folder = await tempFolder();
    try {
      const args = [program, folder.file('tasks.db'), String(tasks), log];
      const { stderr } = await promisify(execFile)(process.execPath, args);
      return stderr.split('\n').filter(Boolean);
    } finally {
      await folder.remove();
    }
  }

  test('has them as JSON on standard error, at most 100 a second, and the number of the others', async () => {
    const lines = (await stderrOf(300)).map((line) => JSON.parse(line) as LogFields);
    const counts = lines.map(({ count }) => Number(count ?? 0));
    const leftOut = counts.reduce((sum, count) => sum + count, 0);
    expect(lines.length - counts.filter(Boolean).length + leftOut).toBe(600);
    expect(leftOut).toBeGreaterThan(0);
    expect(lines[0]).toMatchObject({
      level: 'warn',
      msg: 'an attempt failed',
      type: 'fails',
      attempt: 1,
      err: { class: 'TypeError', stack: expect.stringContaining('Caused by: Error: the ledger is closed') },
    });
  });

  test('has none with `log: false`', async () => {
    expect(await stderrOf(3, 'false')).toEqual([]);
  });
});
