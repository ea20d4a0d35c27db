import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import type { TaskAddress } from '../../src/control/index.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { TaskInspector } from '../../src/inspector/task-inspector.ts';
import { brokerKinds, removeTasks, type TestStore } from '../support/brokers.ts';
import { aTask } from '../support/factories.ts';

type Verb = (tasks: TaskInspector, task: TaskAddress | string) => Promise<unknown>;

/** Each method about one task, and the state in which a scheduled task is after it. */
const VERBS: Readonly<Record<string, readonly [verb: Verb, state: string | null]>> = {
  get: [(tasks, task) => tasks.get(task), 'scheduled'],
  log: [(tasks, task) => tasks.log(task), 'scheduled'],
  run: [(tasks, task) => tasks.run(task), 'pending'],
  archive: [(tasks, task) => tasks.archive(task), 'archived'],
  remove: [(tasks, task) => tasks.remove(task), null],
  updatePayload: [(tasks, task) => tasks.updatePayload(task, { n: 2 }), 'scheduled'],
  cancel: [(tasks, task) => tasks.cancel(task), 'cancelled'],
  // Publishes a message that concerns tasks that run.
  publishAsynqCancel: [(tasks, task) => tasks.publishAsynqCancel(task), 'scheduled'],
};
const ABOUT_MANY = ['list', 'iterate', 'runAll', 'archiveAll', 'removeAll'];

test('every method of the inspector of tasks is in a table here', () => {
  const methods = Object.getOwnPropertyNames(TaskInspector.prototype).filter(
    (name) => name !== 'constructor',
  );
  expect(methods.sort()).toEqual([...Object.keys(VERBS), ...ABOUT_MANY].sort());
});

describe.each(brokerKinds)('one task on $name', ({ available, createStore }) => {
  describe.skipIf(!available)('', () => {
    let store: TestStore;
    let broker: Broker;
    let tasks: TaskInspector;

    beforeAll(async () => {
      store = await createStore();
      broker = await store.connect();
      ({ tasks } = new Inspector(broker));
    });
    afterEach(() => removeTasks(broker));
    afterAll(() => store?.remove());

    const stateOf = async (queue: string, id: string) =>
      (await broker.inspect.task({ queue, id }))?.state ?? null;

    const LATER = { delayMs: 3_600_000 };

    test.each(Object.entries(VERBS))(
      '%s takes queue and ID, the ID alone, and the task as it was listed',
      async (_, [verb, state]) => {
        const ids = ['both', 'field', 'text', 'listed', 'other'];
        await broker.submit.enqueue(ids.map((id) => aTask({ queue: 'orders', id, ...LATER })));
        await broker.submit.enqueue([aTask({ queue: 'refunds', id: 'unrelated', ...LATER })]);
        await verb(tasks, { queue: 'orders', id: 'both' });
        await verb(tasks, { id: 'field' });
        await verb(tasks, 'text');
        const page = await tasks.list('orders', 'scheduled');
        await verb(
          tasks,
          page.tasks.find(({ id }) => id === 'listed')!,
        );
        const states = await Promise.all(ids.map((id) => stateOf('orders', id)));
        expect(states).toEqual([state, state, state, state, 'scheduled']);
        expect(await stateOf('refunds', 'unrelated')).toBe('scheduled');
      },
    );

    test.each(Object.entries(VERBS).filter(([name]) => name !== 'publishAsynqCancel'))(
      '%s refuses an ID that several queues have, names them, and changes nothing',
      async (_, [verb]) => {
        for (const queue of ['refunds', 'orders'])
          await broker.submit.enqueue([aTask({ queue, id: 'a', ...LATER })]);
        for (const task of ['a', { id: 'a' }]) {
          const error: unknown = await verb(tasks, task).catch((caught: unknown) => caught);
          expect(error).toMatchObject({
            code: 'task-id-ambiguous',
            details: { id: 'a', queues: ['orders', 'refunds'] },
            message: '2 queues have a task "a": "orders", "refunds".',
            fix: 'Name the queue, too: { queue: "orders", id: "a" }.',
          });
        }
        expect(await stateOf('orders', 'a')).toBe('scheduled');
        expect(await stateOf('refunds', 'a')).toBe('scheduled');
      },
    );

    test('an ID that no queue has is not found, before and after the first task', async () => {
      const notFound = {
        code: 'task-not-found',
        details: { id: 'a', queue: null },
        message: 'There is no task "a" in any queue.',
      };
      await expect(tasks.get('a')).rejects.toMatchObject(notFound);
      await broker.submit.enqueue([aTask({ queue: 'orders', id: 'b' })]);
      await expect(tasks.cancel({ id: 'a' })).rejects.toMatchObject(notFound);
    });

    test('an ID alone finds the task of the given business, and without one only tasks of none', async () => {
      const client = new Client(broker);
      const later = { id: 'a', delay: '1h' } as const;
      await client.enqueue('x', 1, { ...later, queue: 'orders', context: { businessId: 'shop' } });
      await client.enqueue('x', 2, { ...later, queue: 'refunds', context: { businessId: 'bank' } });
      await expect(tasks.get('a')).rejects.toMatchObject({ code: 'task-not-found' });
      const found = await tasks.get({ id: 'a', businessId: 'shop' });
      expect(found).toMatchObject({ queue: 'orders', id: 'a', businessId: 'shop', payload: 1 });
      // It can be given as it is: its business is part of it.
      expect(await tasks.get(found)).toEqual(found);
      await client.enqueue('x', 3, { ...later, queue: 'others' });
      expect(await tasks.get('a')).toMatchObject({ queue: 'others', businessId: null, payload: 3 });
      expect(await tasks.get({ id: 'a', businessId: null })).toMatchObject({ queue: 'others' });
    });

    test.each([
      ['JSON', Buffer.from('{"n":[1,null]}'), { n: [1, null] }],
      ['JSON null', Buffer.from('null'), null],
      ['text that is no JSON', Buffer.from('{"n":'), undefined],
      ['bytes that are not UTF-8', Uint8Array.of(0xff, 0xfe), undefined],
      ['no bytes', new Uint8Array(0), undefined],
      ['nothing', null, undefined],
    ])('payload and result that are %s are shown as JSON and as bytes', async (_, bytes, json) => {
      await broker.submit.enqueue([aTask({ queue: 'orders', id: 'a', payload: bytes, retentionMs: 60_000 })]);
      const exchange = { queues: ['orders'], room: 1, leaseMs: 60_000, worker: 'w', finishes: [] };
      const [leased] = (await broker.consume.exchange(exchange)).tasks;
      const record = { number: 1, startedMs: 1, finishedMs: 2, outcome: 'succeeded' as const };
      const finishes = [{ task: leased!, outcome: 'succeeded' as const, result: bytes, record }];
      await broker.consume.exchange({ ...exchange, room: 0, finishes });
      const task = await tasks.get('a');
      const plain = bytes && new Uint8Array(bytes);
      expect(task).toMatchObject({ payload: json, payloadBytes: plain, result: json, resultBytes: plain });
      expect([task.payloadBytes, task.resultBytes].map((each) => each?.constructor.name)).toEqual(
        plain ? ['Uint8Array', 'Uint8Array'] : [undefined, undefined],
      );
      expect((await tasks.list('orders', 'completed')).tasks).toEqual([task]);
      if (json !== undefined) expect(inspect(task, { depth: 5 })).toContain(`payload: ${inspect(json)}`);
    });
  });
});
