import { expect } from 'vitest';
import { HandlerError, NonRetryableError } from '../../../src/errors/handler-errors.ts';
import type { HandlerContext } from '../../../src/worker/run/handlers.ts';
import { nextEvent } from '../../support/next-event.ts';
import { never, revokedProxy, throwingProxy, type Case, type Setting } from './setting.ts';

/** Runs a handler that throws the value; resolves to the last error of its task, which is archived. */
async function lastErrorOf({ started, run, record }: Setting, thrown: unknown): Promise<string | undefined> {
  const worker = await started(() => {
    throw thrown;
  });
  const { task, outcome } = await run('bad');
  expect(outcome).toBe('archived');
  await worker.stop();
  return (await record(task.id))?.lastError?.message;
}

const unreadable = (): Error => {
  const error = new Error('x');
  for (const name of ['stack', 'message', 'name', 'cause', 'hints'])
    Object.defineProperty(error, name, {
      configurable: true,
      get() {
        throw new Error('a getter that throws');
      },
    });
  return error;
};

/** Thenables that break the rules of promises. */
const THENABLES: readonly [string, unknown, 'succeeded' | 'archived'][] = [
  [
    'throws',
    () => {
      throw new Error('then throws');
    },
    'archived',
  ],
  ['resolves twice', (resolve: (value: unknown) => void) => (resolve(1), resolve(2)), 'succeeded'],
  [
    'resolves, then throws',
    (resolve: (value: unknown) => void) => {
      resolve(1);
      throw new Error('too late');
    },
    'succeeded',
  ],
];

/** Misuse within a handler. */
export const HANDLERS: readonly Case[] = [
  {
    misuse: 'a handler that never resolves',
    instead: 'its attempt ends at its timeout, and the worker goes on',
    async check({ started, run, record }) {
      await started(never, { concurrency: 1 });
      const { task, outcome } = await run('bad', { timeout: '50ms' });
      expect(outcome).toBe('archived');
      expect((await record(task.id))?.lastError?.message).toBe('context deadline exceeded');
    },
  },
  {
    misuse: 'a handler that throws a proxy',
    instead: 'the attempt fails, and its error says that it cannot be shown',
    async check(setting) {
      for (const proxy of [revokedProxy(), throwingProxy()])
        expect(await lastErrorOf(setting, proxy)).toBe('an error that cannot be shown');
    },
  },
  {
    misuse: 'a handler that throws undefined, or another value that is no error',
    instead: 'the attempt fails, and its error is that value as text',
    async check(setting) {
      expect(await lastErrorOf(setting, undefined)).toBe('undefined');
      expect(await lastErrorOf(setting, null)).toBe('null');
      expect(await lastErrorOf(setting, Symbol('x'))).toBe('undefined');
      expect(await lastErrorOf(setting, 7n)).toBe('an error that cannot be shown');
    },
  },
  {
    misuse: 'a handler that throws a frozen error',
    instead: 'the attempt fails with its message and its hints',
    async check(setting) {
      expect(await lastErrorOf(setting, Object.freeze(new NonRetryableError('frozen')))).toBe('frozen');
    },
  },
  {
    misuse: 'a handler that throws an error whose getters throw',
    instead: 'the attempt fails, and its error says that it cannot be shown',
    async check(setting) {
      expect(await lastErrorOf(setting, unreadable())).toBe('an error that cannot be shown');
    },
  },
  {
    misuse: 'a handler that throws hints which are none',
    instead: 'the attempt fails, and the task is retried by its own backoff',
    async check({ started, run, record }) {
      const hints = { retryAfterMs: NaN, status: 'teapot', errorClass: Symbol('x'), retryable: 'no' };
      const worker = await started(() => {
        throw Object.assign(new HandlerError('wrong'), { hints });
      });
      const { task, outcome } = await run('bad', { maxRetries: 3 });
      expect(outcome).toBe('failed');
      await worker.stop();
      expect(await record(task.id)).toMatchObject({ state: 'retry', lastError: { message: 'wrong' } });
      expect(((await record(task.id))?.dueMs ?? NaN) - Date.now()).toBeLessThan(5_000);
    },
  },
  {
    misuse: 'a handler that returns a BigInt, a cycle or a function',
    instead: 'the attempt is a success without a result, and its record says why',
    async check({ started, run, record }) {
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      const values = [7n, cycle, () => 1, Symbol('x'), revokedProxy()];
      await started(() => values.shift());
      while (values.length > 0) {
        const { task, outcome } = await run('bad');
        expect(outcome).toBe('succeeded');
        const stored = await record(task.id);
        expect(stored?.result).toBeNull();
        expect(stored?.attempts?.[0]?.reason).toMatch(/^the result was not kept/);
      }
    },
  },
  {
    misuse: 'a handler that returns a thenable which breaks the rules of promises',
    instead: 'what it does first counts, once',
    async check({ started, run }) {
      const queued = [...THENABLES];
      // eslint-disable-next-line unicorn/no-thenable
      await started(() => ({ then: queued.shift()?.[1] }));
      for (const [what, , expected] of THENABLES)
        expect([what, (await run('bad')).outcome]).toEqual([what, expected]);
    },
  },
  {
    misuse: 'a handler that goes on when its attempt is over',
    instead: 'what it throws, records and sets then has no effect',
    async check({ started, run, record }) {
      let context!: HandlerContext;
      let fail!: (error: Error) => void;
      await started((_, given) => {
        context = given;
        return new Promise((_resolve, reject) => (fail = reject));
      });
      const { task } = await run('bad', { timeout: '50ms' });
      fail(new Error('too late'));
      context.record({ late: true });
      await expect(context.setResult(1)).rejects.toMatchObject({ code: 'attempt-over' });
      const stored = await record(task.id);
      expect(stored).toMatchObject({ state: 'archived', result: null });
      expect(stored?.attempts?.[0]?.exchange).toBeUndefined();
    },
  },
  {
    misuse: 'a handler that waits for the stop of its own worker',
    instead: 'the stop ends when its time is up, and the task is given back',
    async check({ queue, client, worker, record }) {
      const own = worker();
      const stopping = new Promise<Promise<void>>((resolve) => {
        own.handle('bad', async () => {
          const stopped = own.stop({ timeout: 50 });
          resolve(stopped);
          await stopped;
        });
      });
      await own.start();
      await client.enqueue('bad', null, { id: 'held', queue });
      await stopping;
      expect(await record('held')).toMatchObject({ state: 'pending', retried: 0 });
    },
  },
  {
    misuse: 'a handler that changes its task',
    instead: 'the next attempt gets the task as it was stored',
    async check({ queue, client, events, started }) {
      const seen: unknown[] = [];
      await started((task) => {
        seen.push([task.payload, task.headers.a]);
        (task.payload as { n: number }).n = 2;
        (task.headers as Record<string, string>).a = 'changed';
        if (seen.length === 1) throw new Error('once more');
      });
      const end = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'succeeded');
      const backoff = { kind: 'fixed', delay: 1, jitter: 0 } as const;
      await client.enqueue('bad', { n: 1 }, { queue, backoff, headers: { a: 'b' } });
      await end;
      expect(seen).toEqual([
        [{ n: 1 }, 'b'],
        [{ n: 1 }, 'b'],
      ]);
    },
  },
];
