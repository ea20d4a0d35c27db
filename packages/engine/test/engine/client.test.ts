import { describe, expect, test } from 'vitest';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { Worker } from '../../src/worker/worker.ts';
import { Events } from '../../src/runtime/events.ts';
import { brokerKinds } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const userSchema: StandardSchemaV1<{ userId: string }, { userId: string; known: true }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof (value as { userId?: unknown } | null)?.userId === 'string'
        ? { value: { ...(value as { userId: string }), known: true } }
        : { issues: [{ message: 'must be a string', path: ['userId'] }] },
  },
};
const welcome = defineTask('email:welcome', { payload: userSchema });

describe.each(brokerKinds)('a client on $name', (kind) => {
  let broker: Broker;
  let client: Client;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
    client = new Client(broker);
  });

  const code = (name: string) => expect.objectContaining({ code: name }) as Error;

  test('stores a task with its defaults', async () => {
    const task = await client.enqueue('email:welcome', { userId: '42' });
    expect(task).toMatchObject({ queue: 'default', state: 'pending' });
    expect(task.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(await broker.inspect.task(task)).toMatchObject({
      maxRetries: 3,
      timeoutMs: 1_800_000,
      retentionMs: 0,
    });
  });

  test('gives plain objects, which may go where instances of a class may not', async () => {
    const stored = [await client.enqueue('t', 1), ...(await client.enqueueMany([{ task: 't' }]))];
    for (const task of stored) expect(Object.getPrototypeOf(task)).toBe(Object.prototype);
  });

  test('refuses a payload that does not fit the definition, before anything is stored', async () => {
    const wrong = { userId: 42 } as unknown as { userId: string };
    await expect(client.enqueue(welcome, wrong)).rejects.toEqual(code('invalid-value'));
    expect(await broker.inspect.queues()).toEqual([]);
  });

  test('gives the handler of a definition what the schema makes of the payload', async () => {
    const events = new Events();
    const end = nextEvent(events, 'attempt.finished');
    const seen: unknown[] = [];
    const worker = new Worker(broker, { runtime: { events } }).handle(
      welcome,
      ({ payload }) => void seen.push(payload),
    );
    await worker.start();
    await client.enqueue(welcome, { userId: '42' });
    await end;
    await worker.stop();
    expect(seen).toEqual([{ userId: '42', known: true }]);
  });

  test('refuses an ID that is taken, and the first task stays as it is', async () => {
    await client.enqueue('a', 1, { id: 'same' });
    await expect(client.enqueue('b', 2, { id: 'same' })).rejects.toEqual(code('task-exists'));
    expect(await broker.inspect.task({ queue: 'default', id: 'same' })).toMatchObject({ type: 'a' });
  });

  test('stores bytes as they are at the call: the buffer may be used again, or be given away', async () => {
    const again = Buffer.alloc(1);
    const given = new Uint8Array(6).fill(65);
    const calls = ['1', '2', '3'].map((text) => {
      again.write(text);
      return client.enqueue('x', again, { id: text });
    });
    calls.push(
      client.enqueue('x', given, { id: 'given' }),
      client.enqueue('x', Buffer.from('next'), { id: 'n' }),
    );
    structuredClone(given, { transfer: [given.buffer] });
    again.fill('X');
    await Promise.all(calls);
    const texts = ['1', '2', '3', 'given', 'n'].map(async (id) => {
      const stored = await broker.inspect.task({ queue: 'default', id });
      return String(Buffer.from(stored?.payload ?? []));
    });
    expect(await Promise.all(texts)).toEqual(['1', '2', '3', 'AAAAAA', 'next']);
  });

  test('gives concurrent calls their own answers', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => `id-${i % 250}`);
    const outcomes = await Promise.allSettled(ids.map((id) => client.enqueue('x', null, { id })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(250);
    expect(outcomes.slice(250).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('refuses a payload that JSON would change, names the part, and stores nothing', async () => {
    const refused = client.enqueue('x', { items: [1, 2, 3, { price: NaN }] });
    await expect(refused).rejects.toMatchObject({
      code: 'invalid-value',
      message: 'payload.items[3].price is not valid: found NaN.',
      fix: expect.stringContaining('docs/json.md') as string,
    });
    const bad = [{ seen: new Set(['a']) }, [undefined], { body: Buffer.from('x') }];
    const tasks = bad.map((payload) => ({ task: 'x', payload }));
    const results = await client.enqueueMany(tasks, { outcomes: true });
    const details = results.map((result) => ('error' in result ? result.error.details : null));
    expect(details).toMatchObject([
      { name: 'payload.seen', got: 'a Set' },
      { name: 'payload[0]', got: 'undefined in a list' },
      { name: 'payload.body', got: 'bytes or numbers, a Buffer' },
    ]);
    expect(await broker.inspect.queues()).toEqual([]);
  });

  test.each<[string, object]>([
    ['a queue with braces', { queue: 'a}b' }],
    ['a queue with a control character', { queue: 'a\u0000b' }],
    ['a queue of 256 bytes', { queue: 'ü'.repeat(128) }],
    ['a reserved queue', { queue: 'orders~cb' }],
    ['an empty queue', { queue: '' }],
    ['an ID with a dot', { id: 'a.b' }],
    ['a bare number as delay', { delay: '10' }],
    ['a delay with a part of a ms', { delay: 1.5 }],
    ['a negative delay', { delay: -1 }],
    ['a delay of more than ten years', { delay: 366 * 11 * 86_400_000 }],
    ['a retention that is no number', { retention: Number.NaN }],
    ['a fractional number of retries', { maxRetries: 1.5 }],
    ['a lock of less than a second', { unique: '300ms' }],
    ['a blank group', { group: ' ' }],
    ['a group with a NUL', { group: 'a\u0000b' }],
    ['a start time in the year 9999', { runAt: new Date('9999-01-01T00:00:00Z') }],
    ['an invalid date', { runAt: new Date('never') }],
  ])('refuses %s and stores nothing', async (_, options) => {
    await expect(client.enqueue('x', null, options)).rejects.toEqual(code('invalid-value'));
    expect(await broker.inspect.queues()).toEqual([]);
  });

  test('enqueues a task whose start time has passed as pending', async () => {
    const { state } = await client.enqueue('x', null, { runAt: new Date(0) });
    expect(state).toBe('pending');
  });

  test('puts the context into the headers, and gives each business IDs of its own', async () => {
    const context = { businessId: 'shop-a', userId: 'u-1' };
    const { id } = await client.enqueue('x', null, { id: 'same', context });
    await client.enqueue('x', null, { id: 'same' });
    expect(id).toBe('same');
    expect(await broker.inspect.task({ queue: 'default', id: 'shop-a.same' })).toMatchObject({
      headers: { 'tc-business-id': 'shop-a', 'tc-user-id': 'u-1' },
      meta: { business: 'shop-a' },
    });
  });
});
