import { describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { brokerKinds } from '../support/brokers.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const SCHEMA = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const;

/** Names of functions of this file in the stack of the error. */
const callersIn = (error: unknown): string[] =>
  ((error as Error).stack ?? '')
    .split('\n')
    .filter((line) => line.includes('caller-line.test.ts'))
    .flatMap((line) => /at (?:async )?(\w+)/.exec(line)?.[1] ?? []);

describe.each(brokerKinds)('an error on $name', (kind) => {
  let broker: Broker;
  let client: Client;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
    client = new Client(broker);
  });

  /** The error of a call whose caller is the function `charge`. */
  async function errorOf(call: () => Promise<unknown>): Promise<unknown> {
    async function charge(): Promise<void> {
      await call();
    }
    return charge().then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
  }

  const typed = defineTask('typed', { payload: SCHEMA });

  test.each<[string, () => Promise<unknown>]>([
    ['a taken ID', () => client.enqueue('x', 1, { id: 'a' })],
    ['a taken ID of a definition', () => client.enqueue(typed, 1, { id: 'a' })],
    ['a value that is not valid', () => client.enqueue('x', 1, { maxRetries: -1.5 })],
    [
      'several calls at once',
      () => Promise.all([client.enqueue('x', 1), client.enqueue('x', 1, { id: 'a' })]),
    ],
    ['many tasks', () => client.enqueueMany([{ task: 'x', id: 'a' }])],
    ['a call that waits', () => client.enqueueAndWait('x', 1, { id: 'a' })],
    ['a result', () => client.result({ queue: 'default', id: 'none' })],
    ['an inspector', () => new Inspector(broker).tasks.run({ queue: 'default', id: 'none' })],
  ])('of %s names the line of its caller', async (_, call) => {
    await client.enqueue('x', 1, { id: 'a' });
    expect(callersIn(await errorOf(call))).toContain('charge');
  });

  test('of a call that failed for several callers is one for each of them, with the same cause', async () => {
    const cause = new Error('connection reset');
    const details = { broker: 'b', outcome: 'unknown', cause: 'reset' } as const;
    const away = new TaskCenterError('broker-unavailable', details, { cause });
    const submit = { ...broker.submit, enqueue: () => Promise.reject(away) };
    const poor = new Client({ ...broker, submit });
    async function first() {
      await poor.enqueue('x', 1);
    }
    async function second() {
      await poor.enqueue('x', 2);
    }
    const [a, b] = await Promise.allSettled([first(), second()]);
    expect([a, b]).toMatchObject([{ reason: away }, { reason: away }]);
    const reasons = [a, b].map((settled) => (settled as PromiseRejectedResult).reason as TaskCenterError);
    expect(reasons.map((reason) => callersIn(reason).slice(0, 1))).toEqual([['first'], ['second']]);
    expect(reasons.map((reason) => [reason?.details, reason?.cause])).toEqual([
      [details, cause],
      [details, cause],
    ]);
  });

  test('is not lost when nobody awaits the call', async () => {
    await client.enqueue('x', 1, { id: 'a' });
    const code = await new Promise((resolve) => {
      client.enqueue('x', 1, { id: 'a' }).catch((error: TaskCenterError) => resolve(error.code));
    });
    expect(code).toBe('task-exists');
  });
});
