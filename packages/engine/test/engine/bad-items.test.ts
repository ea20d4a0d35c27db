import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import type { TaskToEnqueue } from '../../src/client/prepare-task.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';

const anySchema: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
const defined = defineTask('good', { payload: anySchema });

/** A new field must be tried, too: it does not compile without. */
const TRIED = {
  task: true,
  payload: true,
  id: true,
  queue: true,
  delay: true,
  runAt: true,
  backoff: true,
  deadline: true,
  durability: true,
  context: true,
  headers: true,
  maxRetries: true,
  timeout: true,
  retention: true,
  unique: true,
  group: true,
} satisfies Record<keyof TaskToEnqueue, true>;
const FIELDS = Object.keys(TRIED);

const thrower = () => {
  throw new Error('not today');
};

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Values that are nearly right, or break what reads them. Functions, as some can be used once only. */
const ODD_VALUES: readonly (() => unknown)[] = [
  () => NaN,
  () => -1,
  () => 2 ** 60,
  () => 5n,
  () => Symbol('s'),
  () => thrower,
  () => Promise.resolve('x'),
  () => '',
  () => '\ud800',
  () => 'a\u0000b',
  () => 'x'.repeat(70_000),
  () => new Date(NaN),
  () => new Map([['a', 'b']]),
  () => new Set(['a']),
  () => ['x'],
  () => Buffer.from('x'),
  () => new Proxy(new Uint8Array(3), {}),
  () => revokedProxy(),
  () => ({ a: 1 }),
  () => ({ a: 'b', c: undefined }),
  () => ({ a: '\udc00' }),
  () => ({ [`\ud800`]: 'b' }),
  () => ({ businessId: {} }),
  () => ({ businessId: 5, userId: null }),
  () => ({ kind: 'list', delays: [NaN], jitter: 0 }),
  () => ({ kind: 'fixed', delay: {} }),
  () => ({ toString: thrower, valueOf: thrower, toJSON: thrower }),
  () => ({ getTime: () => 5n }),
  () => ({ getTime: () => NaN, toISOString: thrower }),
  () => ({ get a() { return thrower(); } }), // prettier-ignore
  () => ({ trim: () => 'x', isWellFormed: () => true, includes: () => false }),
  () => Object.create(null) as unknown,
];
const oddValue = fc.oneof(
  { arbitrary: fc.constantFrom(...ODD_VALUES), weight: 4 },
  {
    arbitrary: fc
      .anything({ withBigInt: true, withDate: true, withMap: true, withSet: true })
      .map((value) => () => value),
    weight: 1,
  },
);

/** A task in which one or two fields have such a value; or something that is no task. */
const badItem = fc.oneof(
  {
    arbitrary: fc.uniqueArray(fc.tuple(fc.constantFrom(...FIELDS), oddValue), {
      minLength: 1,
      maxLength: 2,
      selector: ([field]) => field,
    }),
    weight: 8,
  },
  { arbitrary: oddValue.map((make) => [['', make] as const]), weight: 1 },
);

type Bad = readonly (readonly [field: string, make: () => unknown])[];

const itemOf = (bad: Bad): TaskToEnqueue =>
  (bad[0]?.[0] === ''
    ? bad[0][1]()
    : {
        task: 'bad',
        queue: 'q',
        payload: 'secret',
        headers: { secret: 'x' },
        ...Object.fromEntries(bad.map(([field, make]) => [field, make()])),
      }) as never;

/** What a caller may be told of such a task. Odd values can be valid, such as a text as the payload. */
const CODES = ['invalid-value', 'payload-too-large', 'duplicate-task', 'task-exists'];

describe.each(brokerKinds.filter(({ available }) => available))('a bad task on $name', ({ createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;

  beforeAll(async () => {
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
  });
  afterAll(() => store.remove());

  /** Good tasks that differ in which fields they leave out: what a bad one left over would show in them. */
  const goods = (type: TaskToEnqueue['task']): TaskToEnqueue[] => [
    { task: type, queue: 'q' },
    { task: type, queue: 'q', payload: { n: 1 } },
    { task: type, queue: 'q', payload: 2, headers: { own: 'ü' } },
  ];

  async function expectAsGiven(id: string, { queue, payload, headers = {} }: TaskToEnqueue): Promise<void> {
    const task = await broker.inspect.task({ queue: queue!, id });
    const text = task?.payload && String(Buffer.from(task.payload));
    expect({ type: task?.type, headers: task?.headers, text, group: task?.group ?? null }).toEqual({
      type: 'good',
      headers,
      text: payload === undefined ? null : JSON.stringify(payload),
      group: null,
    });
  }

  function expectRefused(error: unknown): void {
    expect(error).toBeInstanceOf(TaskCenterError);
    expect(CODES).toContain((error as TaskCenterError).code);
  }

  test('among single calls of one turn is refused alone, and leaves nothing over in the others', async () => {
    await fc.assert(
      fc.asyncProperty(badItem, async (bad) => {
        const given = goods('good');
        const call = ({ task, payload, ...options }: TaskToEnqueue) => client.enqueue(task, payload, options);
        const calls = [call(given[0]!), call(given[1]!)];
        // Something that is no task has no options to call with.
        const item = itemOf(bad);
        const refused = bad[0]![0] === '' ? client.enqueue(item as never) : call(item);
        calls.push(call(given[2]!), call(given[0]!));
        await refused.catch(expectRefused);
        for (const [i, stored] of (await Promise.all(calls)).entries())
          await expectAsGiven(stored.id, given[i % 3]!);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['names of types', 'good'],
    ['definitions', defined],
  ])('among others in enqueueMany, which are %s, is an outcome of its own', async (_, type) => {
    await fc.assert(
      fc.asyncProperty(badItem, fc.nat(3), async (bad, place) => {
        const given = goods(type);
        const tasks = given.toSpliced(place, 0, itemOf(bad));
        const outcomes = await client.enqueueMany(tasks, { outcomes: true });
        expect(outcomes).toHaveLength(4);
        const [own] = outcomes.splice(place, 1);
        if (own && 'error' in own) expectRefused(own.error);
        for (const [i, outcome] of outcomes.entries()) {
          if ('error' in outcome) throw outcome.error;
          await expectAsGiven(outcome.task.id, given[i]!);
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['a header that is a number', { headers: { a: 1 } }, 'headers["a"]'],
    ['a header that is undefined', { headers: { a: undefined } }, 'headers["a"]'],
    ['half a character in a header', { headers: { a: '\ud800' } }, 'headers["a"]'],
    ['half a character in the name of a header', { headers: { '\ud800': 'a' } }, 'The name of a header'],
    ['headers as a Map', { headers: new Map([['a', 'b']]) }, 'headers'],
    ['headers of a request', { headers: new Headers({ a: 'b' }) }, 'headers'],
    ['headers as a list', { headers: [['a', 'b']] }, 'headers'],
    ['headers as null', { headers: null }, 'headers'],
    ['headers as a text', { headers: 'a: b' }, 'headers'],
    ['65 headers', { headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, ''])) }, 'headers'],
    ['headers of more than 16 KiB', { headers: { a: 'x'.repeat(16_384) } }, 'headers'],
    ['more than 16 KiB in bytes', { headers: { a: 'ü'.repeat(8_192) } }, 'headers'],
    [
      'more than 16 KiB with the context',
      { headers: { a: 'x'.repeat(16_350) }, context: { userId: 'x'.repeat(40) } },
      'headers',
    ],
    ['a business that is a number', { context: { businessId: 5 } }, 'context.businessId'],
    ['a business that is an object', { context: { businessId: {} } }, 'context.businessId'],
    ['a blank business', { context: { businessId: ' ' } }, 'context.businessId'],
    ['a business with a NUL', { context: { businessId: 'a\u0000' } }, 'context.businessId'],
    ['a user that is a number', { context: { userId: 7 } }, 'context.userId'],
    ['half a character in the trace state', { context: { tracestate: '\udc00' } }, 'context.tracestate'],
    ['a context with an unknown field', { context: { business: 'shop' } }, 'context.business'],
    ['a context as null', { context: null }, 'context'],
    ['a context as a Map', { context: new Map([['userId', 'u']]) }, 'context'],
    // prettier-ignore
  ])('with %s is refused with the name of what is wrong', async (_, options, name) => {
    const refused = { code: 'invalid-value', details: { name } };
    for (const type of ['x', defined])
      await expect(client.enqueue(type, 1, options as never)).rejects.toMatchObject(refused);
  });

  test('has as many headers as are allowed, and they come back as they were', async () => {
    const headers = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`h${i}`, 'ü'.repeat(100)]));
    headers['h0'] += 'x'.repeat(16_384 - 64 * 200 - 10 * 2 - 54 * 3);
    Object.defineProperty(headers, 'h1', { value: '\u0000"\n', enumerable: true });
    const { id } = await client.enqueue('x', 1, { queue: 'q', headers });
    expect((await broker.inspect.task({ queue: 'q', id }))?.headers).toEqual(headers);
  });

  test('has the headers of its definition, and its own override them', async () => {
    const task = defineTask('x', { payload: anySchema, headers: { a: 'shared', b: 'shared' } });
    const { id } = await client.enqueue(task, 1, { queue: 'q', headers: { b: 'own' } });
    expect((await broker.inspect.task({ queue: 'q', id }))?.headers).toEqual({ a: 'shared', b: 'own' });
  });
});
