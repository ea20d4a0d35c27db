import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ListedState } from '@task-center/model';
import type { Broker } from '../../src/broker/broker.ts';
import type { IterateOptions } from '../../src/control/index.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import type { TaskInfo } from '../../src/inspector/task-info.ts';
import { brokerKinds, removeTasks, type TestStore } from '../support/brokers.ts';
import { aRecord, aTask, manyTasks } from '../support/factories.ts';

const Q = 'orders';
const LATER = { delayMs: 3_600_000 };

describe.each(brokerKinds)('going through what is stored on $name', ({ available, createStore }) => {
  describe.skipIf(!available)('', () => {
    let store: TestStore;
    let broker: Broker;
    let inspector: Inspector;

    beforeAll(async () => {
      store = await createStore();
      broker = await store.connect();
      inspector = new Inspector(broker);
    });
    afterEach(() => removeTasks(broker));
    afterAll(() => store?.remove());

    /** The IDs that a loop meets; `act` is called for each task. Gives up after 1,000. */
    async function idsOf(
      state: ListedState,
      options: IterateOptions = {},
      act: (task: TaskInfo) => unknown = () => {},
    ): Promise<string[]> {
      const ids: string[] = [];
      for await (const task of inspector.tasks.iterate(Q, state, options)) {
        expect(task.state).toBe(state);
        ids.push(task.id);
        await act(task);
        if (ids.length === 1_000) break;
      }
      return ids;
    }
    const names = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

    /** Takes all pending tasks, and archives them. */
    async function failAll(): Promise<void> {
      const exchange = { queues: [Q], room: 100, leaseMs: 60_000, worker: 'w', finishes: [] };
      const { tasks } = await broker.consume.exchange(exchange);
      const finishes = tasks.map((task) => ({ task, outcome: 'archive' as const, record: aRecord(task) }));
      await broker.consume.exchange({ ...exchange, room: 0, queues: [], finishes });
    }

    test.each(['pending', 'scheduled', 'archived', 'aggregating'] as const)(
      'all %s tasks are met once, over many pages',
      async (state) => {
        const how = { scheduled: LATER, aggregating: { group: 'g' }, pending: {}, archived: {} }[state];
        await broker.submit.enqueue(manyTasks(25, 't', { queue: Q, ...how }));
        if (state === 'archived') await failAll();
        const options = { pageSize: 4, ...(state === 'aggregating' && { group: 'g' }) };
        expect((await idsOf(state, options)).sort()).toEqual(names(25, 't').sort());
      },
    );

    test('a state without tasks, and a list of exactly one page, end at once', async () => {
      await broker.submit.enqueue(manyTasks(4, 't', { queue: Q }));
      expect(await idsOf('retry')).toEqual([]);
      expect(await idsOf('pending', { pageSize: 4 })).toEqual(names(4, 't'));
    });

    test.each(['pending', 'scheduled', 'archived'] as const)(
      'a loop that removes %s tasks on its way meets each once, and leaves none out',
      async (state) => {
        await broker.submit.enqueue(manyTasks(40, 't', { queue: Q, ...(state === 'scheduled' && LATER) }));
        if (state === 'archived') await failAll();
        // All but each fourth: most often the last tasks of a page are among them.
        const remove = (task: TaskInfo) => !/[048]$/.test(task.id) && inspector.tasks.remove(task);
        expect((await idsOf(state, { pageSize: 5 }, remove)).sort()).toEqual(names(40, 't').sort());
        expect(await idsOf(state)).toHaveLength(12);
      },
    );

    test('a loop that runs tasks which fail again at once ends', async () => {
      await broker.submit.enqueue(manyTasks(7, 't', { queue: Q }));
      await failAll();
      const runAgain = async (task: TaskInfo) => {
        await inspector.tasks.run(task);
        await failAll();
      };
      expect((await idsOf('archived', { pageSize: 3 }, runAgain)).sort()).toEqual(names(7, 't'));
    });

    test('a loop over pending tasks ends although each step adds more', async () => {
      await broker.submit.enqueue(manyTasks(6, 't', { queue: Q }));
      const add = (task: TaskInfo) => broker.submit.enqueue(manyTasks(5, `${task.id}.`, { queue: Q }));
      const ids = await idsOf('pending', { pageSize: 2 }, add);
      expect(ids.slice(0, 6)).toEqual(names(6, 't'));
      expect(ids.length).toBeLessThan(40);
    });

    test('a loop that ends early, or throws, reads nothing more', async () => {
      await broker.submit.enqueue(manyTasks(20, 't', { queue: Q }));
      let reads = 0;
      const counted = new Inspector({
        ...broker,
        inspect: {
          ...broker.inspect,
          list: (request) => {
            reads += 1;
            return broker.inspect.list(request);
          },
        },
      });
      for await (const _ of counted.tasks.iterate(Q, 'pending', { pageSize: 2 })) break;
      expect(reads).toBe(2);
      const failing = async () => {
        for await (const { id } of counted.tasks.iterate(Q, 'pending', { pageSize: 2 })) throw new Error(id);
      };
      await expect(failing()).rejects.toThrow('t0');
      expect(reads).toBe(4);
    });

    test('a broker that is closed meanwhile ends the loop with its error', async () => {
      const other = await createStore();
      const closing = await other.connect();
      await closing.submit.enqueue(manyTasks(20, 't', { queue: Q }));
      const loop = async () => {
        for await (const _ of new Inspector(closing).tasks.iterate(Q, 'pending', { pageSize: 2 }))
          await closing.close();
      };
      await expect(loop()).rejects.toMatchObject({ code: 'broker-closed' });
      await other.remove();
    });

    test('a queue that is removed meanwhile ends the loop', async () => {
      await broker.submit.enqueue(manyTasks(9, 't', { queue: 'removed' }));
      const met: string[] = [];
      for await (const { id } of inspector.tasks.iterate('removed', 'pending', { pageSize: 2 })) {
        met.push(id);
        if (met.length === 3) await inspector.queues.remove('removed', { force: true });
      }
      // What was read before is met.
      expect(met).toEqual(names(6, 't'));
    });

    test('an unknown queue is refused', async () => {
      await expect(inspector.tasks.iterate('none', 'pending').next()).rejects.toMatchObject({
        code: 'queue-not-found',
      });
    });

    test('queues are met by name with their figures, without one that is removed meanwhile', async () => {
      await broker.submit.enqueue(['c', 'a', 'b'].map((queue) => aTask({ queue, id: 't' })));
      const seen: unknown[] = [];
      for await (const { queue, size, counts } of inspector.queues.iterate()) {
        if (queue === Q) continue;
        seen.push([queue, size, counts.pending]);
        if (queue === 'a') await inspector.queues.remove('b', { force: true });
      }
      expect(seen).toEqual([
        ['a', 1, 1],
        ['c', 1, 1],
      ]);
    });

    test('all events of an entry are met once, the newest first, also while more are added', async () => {
      const { schedulerEntries } = broker;
      const entryId = '0f6f8b3e-0000-4000-8000-000000000001';
      const nowMs = Date.now();
      for (let i = 0; i < 120; i += 1)
        await schedulerEntries.recordEvent(entryId, { taskId: `e${i}`, atMs: nowMs - 1_000 * (120 - i) });
      const seen: string[] = [];
      for await (const { taskId } of inspector.schedulers.iterateEvents(entryId)) {
        seen.push(taskId);
        if (seen.length === 10) await schedulerEntries.recordEvent(entryId, { taskId: 'new', atMs: nowMs });
      }
      expect(seen).toEqual(names(120, 'e').reverse());
      const none: string[] = [];
      for await (const { taskId } of inspector.schedulers.iterateEvents('unknown')) none.push(taskId);
      expect(none).toEqual([]);
    });
  });
});
