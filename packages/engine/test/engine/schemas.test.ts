import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { defineTask, type TaskDefinition } from '../../src/task/define-task.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';

const day = new Date('2026-11-30T06:00:00Z');

describe.each(brokerKinds)('the schemas of a definition on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;

  beforeAll(async () => {
    if (!available) return;
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
  });
  beforeEach((context) => {
    if (!available) context.skip();
  });
  afterAll(() => store?.remove());

  const pending = async (queue: string) => (await broker.inspect.queueFacts([queue]))[0]?.counts.pending ?? 0;

  test('a payload whose schema cannot read what JSON gives back is refused, and nothing is stored', async () => {
    const queue = 'refused';
    const at = defineTask('at', { payload: z.object({ at: z.date() }), queue });
    const by = defineTask('by', { payload: z.object({ by: z.map(z.string(), z.number()) }), queue });
    const refused = { code: 'invalid-value', fix: expect.stringContaining('z.coerce.date()') };
    await expect(client.enqueue(at, { at: day })).rejects.toMatchObject(refused);
    await expect(client.enqueueAndWait(at, { at: day })).rejects.toMatchObject(refused);
    await expect(client.enqueue(by, { by: new Map([['a', 1]]) })).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringContaining('payload.by is not valid: found a Map'),
      fix: expect.stringContaining('z.record('),
    });
    const outcomes = client.enqueueMany(
      [
        { task: at, payload: { at: day } },
        { task: 'fine', queue },
      ],
      {
        outcomes: true,
      },
    );
    expect(await outcomes).toMatchObject([{ error: refused }, { task: { queue } }]);
    expect(await pending(queue)).toBe(1);
  });

  /** What the handler of a task gets, and those who wait for its result. */
  async function carry<Input, Output>(
    task: TaskDefinition<Input, Output>,
    payload: Input,
  ): Promise<{ payload?: Output; result: unknown }> {
    const seen: { payload?: Output } = {};
    const worker = new Worker(broker, { queues: [task.defaults.queue!] });
    worker.handle(task, (handled) => void (seen.payload = handled.payload));
    await worker.start();
    const result = await client.enqueueAndWait(task, payload);
    await worker.stop();
    return { ...seen, result };
  }

  test('a schema that converts takes its input from callers and gives its output to the handler', async () => {
    const payload = z.object({
      day: z.iso.datetime().transform((text) => new Date(text)),
      seen: z.coerce.date<Date>(),
      tags: z.array(z.string()).transform((tags) => new Set(tags)),
    });
    const task = defineTask('converts', { payload, queue: 'converts' });
    const given = { day: day.toISOString(), seen: day, tags: ['a', 'b', 'a'] };
    expect((await carry(task, given)).payload).toEqual({ day, seen: day, tags: new Set(['a', 'b']) });
  });

  test('without a schema a payload may be bytes that are no JSON', async () => {
    const queue = 'bytes';
    const task = defineTask('bytes', { queue });
    const lengths: number[] = [];
    const worker = new Worker(broker, { queues: [queue] });
    worker.handle(task, ({ payloadBytes }) => void lengths.push(payloadBytes?.length ?? 0));
    await worker.start();
    await client.enqueueAndWait(task, Buffer.from([0xff, 0xfe]));
    await worker.stop();
    expect(lengths).toEqual([2]);
  });

  test('a result whose schema cannot read what JSON gives back is not kept, and the record says why', async () => {
    const result = z.object({ at: z.date() });
    const task = defineTask('result', { result, queue: 'results', maxRetries: 0 });
    const worker = new Worker(broker, { queues: ['results'] }).handle(task, () => ({ at: day }));
    await worker.start();
    await expect(client.enqueueAndWait(task, null)).rejects.toMatchObject({
      code: 'result-gone',
      message: expect.stringContaining('result of "result" at at is not valid: found a Date'),
    });
    await worker.stop();
  });
});
