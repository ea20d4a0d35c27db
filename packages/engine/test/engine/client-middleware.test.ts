import { describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

describe.each(brokerKinds)('middleware of a client on $name', (kind) => {
  let broker: Broker;
  let client: Client;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
    client = new Client(broker);
  });

  const stored = (id: string) => broker.inspect.task({ queue: 'default', id });

  test('sees each task, may change it, and gets what was stored; the first one is outermost', async () => {
    const steps: string[] = [];
    for (const name of ['outer', 'inner'])
      client.use(async (task, next) => {
        steps.push(`${name} ${String(task.id)}`);
        const { id } = await next({ ...task, headers: { ...task.headers, [name]: 'was here' } });
        steps.push(`${name} stored ${id}`);
      });
    expect(await client.enqueue('x', 1, { id: 'a', headers: { own: '1' } })).toMatchObject({ id: 'a' });
    expect(steps).toEqual(['outer a', 'inner a', 'inner stored a', 'outer stored a']);
    const headers = { own: '1', outer: 'was here', inner: 'was here' };
    expect(await stored('a')).toMatchObject({ headers });
    await client.enqueueMany([
      { task: 'x', id: 'b' },
      { task: 'x', id: 'c' },
    ]);
    expect(await stored('c')).toMatchObject({ headers: { outer: 'was here', inner: 'was here' } });
  });

  test('of a batch concerns its item alone, and the outcomes are those of a batch', async () => {
    client.use((task, next) => {
      if (task.id === 'refused') throw new Error('over the quota');
      return next();
    });
    await client.enqueue('x', 1, { id: 'taken' });
    const given = ['a', 'refused', 'taken', 'b'].map((id) => ({ task: 'x', id }));
    const outcomes = await client.enqueueMany([...given, null as never], { outcomes: true });
    expect(outcomes).toMatchObject([
      { task: { id: 'a' } },
      { error: { code: 'invalid-value', message: expect.stringContaining('over the quota') }, id: null },
      { error: { code: 'task-exists' }, id: 'taken', queue: 'default' },
      { task: { id: 'b' } },
      { error: { code: 'invalid-value' }, id: null },
    ]);
    await expect(client.enqueue('x', 1, { id: 'refused' })).rejects.toThrow('over the quota');
  });

  test('runs around a call that waits for its result, too', async () => {
    client.use((task, next) => next({ ...task, payload: 20 }));
    const worker = new Worker(broker).handle('double', ({ payload }) => Number(payload) * 2);
    await worker.start();
    expect(await client.enqueueAndWait('double', 1)).toBe(40);
    await worker.stop();
  });

  test('that stores nothing, stores twice, or changes a task to one that is not valid is refused', async () => {
    const refused = { code: 'invalid-value' };
    await expect(new Client(broker).use(() => {}).enqueue('x', 1)).rejects.toMatchObject(refused);
    await expect(new Client(broker).use(() => ({})).enqueueAndWait('x', 1)).rejects.toMatchObject(refused);
    const twice = new Client(broker).use(async (_, next) => [await next(), await next()]);
    await expect(twice.enqueue('x', 1)).rejects.toMatchObject(refused);
    const wrong = new Client(broker).use((task, next) => next({ ...task, attempts: 3 } as never));
    await expect(wrong.enqueue('x', 1)).rejects.toThrow(/attempts/);
    expect(() => client.use(5 as never)).toThrow(/^middleware is not valid/);
  });
});
