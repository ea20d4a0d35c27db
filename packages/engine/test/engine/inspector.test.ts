import { beforeEach, afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { aTask, manyTasks } from '../support/factories.ts';

const Q = 'orders';

describe.each(brokerKinds)('the inspector on $name', ({ available, createStore }) => {
  describe.skipIf(!available)('', () => {
    let store: TestStore;
    let broker: Broker;
    let inspector: Inspector;

    beforeEach(async () => {
      store = await createStore();
      broker = await store.connect();
      inspector = new Inspector(broker);
    });
    afterEach(() => store.remove());

    test('refuses to show slots and nodes without a cluster', async () => {
      for (const call of [
        inspector.cluster.keySlot('q'),
        inspector.cluster.nodes('q'),
        inspector.cluster.info(),
      ])
        await expect(call).rejects.toMatchObject({ code: 'not-a-cluster' });
    });

    test('reads options that an object inherits, and no others', async () => {
      await broker.submit.enqueue(manyTasks(3, 'p', { queue: Q }));
      class Page {
        get limit(): number {
          return 2;
        }
        get unrelated(): never {
          throw new Error('not asked for');
        }
      }
      expect((await inspector.tasks.list(Q, 'pending', new Page())).tasks).toHaveLength(2);
    });

    test('finds nothing by a name that has a NUL behind the name of something', async () => {
      await broker.submit.enqueue([aTask({ id: 'a', queue: Q }), aTask({ id: 'm', queue: Q, group: 'g' })]);
      const address = { queue: Q, id: 'a\0b' };
      await expect(inspector.tasks.get(address)).rejects.toMatchObject({ code: 'task-not-found' });
      await expect(inspector.tasks.remove(address)).rejects.toMatchObject({ code: 'task-not-found' });
      expect(await inspector.tasks.removeAll(Q, 'aggregating', { group: 'g\0x' })).toBe(0);
    });

    test('refuses to change all tasks of a state in which they run, or that is none', async () => {
      await broker.submit.enqueue([aTask({ id: 'a', queue: Q })]);
      const { tasks } = inspector;
      const invalid = { code: 'invalid-value' };
      for (const state of ['active', 'bogus', '__proto__', undefined] as never[]) {
        await expect(tasks.runAll(Q, state)).rejects.toMatchObject(invalid);
        await expect(tasks.archiveAll(Q, state)).rejects.toMatchObject(invalid);
        await expect(tasks.removeAll(Q, state)).rejects.toMatchObject(invalid);
      }
      await expect(tasks.runAll(Q, 'pending' as never)).rejects.toMatchObject(invalid);
      await expect(tasks.archiveAll(Q, 'archived' as never)).rejects.toMatchObject(invalid);
    });

    test('reports an unknown queue in every operation that names one', async () => {
      const address = { queue: 'none', id: 'a' };
      const calls = [
        inspector.queues.get('none'),
        inspector.queues.history('none', 1),
        inspector.queues.groups('none'),
        inspector.queues.pause('none'),
        inspector.queues.resume('none'),
        inspector.tasks.list('none', 'pending'),
        inspector.tasks.get(address),
        inspector.tasks.run(address),
        inspector.tasks.archive(address),
        inspector.tasks.remove(address),
        inspector.tasks.updatePayload(address, 1),
        inspector.tasks.runAll('none', 'retry'),
        inspector.tasks.archiveAll('none', 'retry'),
        inspector.tasks.removeAll('none', 'retry'),
        inspector.queues.remove('none'),
        inspector.queues.remove('none', { force: true }),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'queue-not-found' });
      expect(await inspector.queues.list()).toEqual([]);
    });

    test('shows a queue with its size, its figures of today and its memory', async () => {
      await broker.submit.enqueue([
        ...manyTasks(3, 'p', { queue: Q }),
        ...manyTasks(2, 'g', { queue: Q, group: 'g' }),
      ]);
      const info = await inspector.queues.get(Q);
      expect(info).toMatchObject({
        queue: Q,
        size: 5,
        groups: 1,
        counts: { pending: 3, aggregating: 2 },
        today: { processed: 0, failed: 0 },
      });
      expect(info.memoryUsage).toBeGreaterThan(0);
      expect(await inspector.queues.history(Q, 3)).toHaveLength(3);
      expect(await inspector.queues.groups(Q)).toEqual([{ group: 'g', size: 2 }]);
    });

    test.each([0, -1, 1.5, 91])('refuses a history of %d days', async (days) => {
      await broker.submit.enqueue([aTask({ queue: Q })]);
      await expect(inspector.queues.history(Q, days)).rejects.toMatchObject({ code: 'invalid-value' });
    });

    test('refuses to pause or resume a queue twice', async () => {
      await broker.submit.enqueue([aTask({ queue: Q })]);
      await inspector.queues.pause(Q, 'why');
      const paused = { code: 'pause-unchanged', details: { paused: true } };
      await expect(inspector.queues.pause(Q)).rejects.toMatchObject(paused);
      await inspector.queues.resume(Q);
      await expect(inspector.queues.resume(Q)).rejects.toMatchObject({ code: 'pause-unchanged' });
    });

    test('finds a task of a business by its own ID and the business', async () => {
      const client = new Client(broker);
      const context = { businessId: 'shop' };
      await client.enqueue('x', { n: 1 }, { queue: Q, id: 'a', delay: '1h', context });
      const address = { queue: Q, id: 'a', businessId: 'shop' };
      await expect(inspector.tasks.updatePayload(address, { n: [1n] })).rejects.toMatchObject({
        code: 'invalid-value',
        details: { name: 'payload.n[0]', got: 'a BigInt' },
      });
      await inspector.tasks.updatePayload(address, { n: 2 });
      expect((await inspector.tasks.get(address)).payload).toEqual({ n: 2 });
      const plain = inspector.tasks.get({ queue: Q, id: 'a' });
      await expect(plain).rejects.toMatchObject({ code: 'task-not-found' });
      await inspector.tasks.run(address);
      await expect(inspector.tasks.run(address)).rejects.toMatchObject({ code: 'wrong-state' });
      await inspector.tasks.archive(address);
      await inspector.tasks.remove(address);
      await expect(inspector.tasks.remove(address)).rejects.toMatchObject({ code: 'task-not-found' });
    });

    test('lists 30 tasks a page, and aggregating tasks only of a named group', async () => {
      await broker.submit.enqueue(manyTasks(40, 't', { queue: Q }));
      const first = await inspector.tasks.list(Q, 'pending');
      expect(first.tasks).toHaveLength(30);
      const second = await inspector.tasks.list(Q, 'pending', { cursor: first.cursor });
      expect(second.tasks.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => `t${30 + i}`));
      await expect(inspector.tasks.list(Q, 'aggregating')).rejects.toMatchObject({ code: 'invalid-value' });
    });

    test('changes all tasks in steps, reports the progress, and handles only tasks that were there at first', async () => {
      await broker.submit.enqueue(manyTasks(600, 't', { queue: Q, delayMs: 3_600_000 }));
      const reports: [number, number][] = [];
      const late = manyTasks(10, 'late', { queue: Q, delayMs: 7_200_000 });
      const storing: Promise<unknown>[] = [];
      const handled = await inspector.tasks.archiveAll(Q, 'scheduled', {
        onProgress: (done, total) => {
          if (reports.push([done, total]) === 1) storing.push(broker.submit.enqueue(late));
        },
      });
      await Promise.all(storing);
      expect(handled).toBe(600);
      expect(reports).toEqual([
        [256, 600],
        [512, 600],
        [600, 600],
      ]);
      expect((await inspector.queues.get(Q)).counts).toMatchObject({ archived: 600, scheduled: 10 });
    });

    test('stops changing all tasks when its signal aborts', async () => {
      await broker.submit.enqueue(manyTasks(600, 't', { queue: Q }));
      const controller = new AbortController();
      const { signal } = controller;
      const options = { signal, onProgress: () => controller.abort() };
      expect(await inspector.tasks.removeAll(Q, 'pending', options)).toBe(256);
      expect((await inspector.queues.get(Q)).counts.pending).toBe(344);
    });

    test('removes a queue with tasks to run only by force, and one with an active task not at all', async () => {
      await broker.submit.enqueue([
        ...manyTasks(300, 'p', { queue: Q }),
        ...manyTasks(5, 's', { queue: Q, delayMs: 60_000, uniqueMs: 60_000 }).map((task, i) => ({
          ...task,
          payload: Buffer.from(String(i)),
        })),
        ...manyTasks(3, 'g', { queue: Q, group: 'g' }),
      ]);
      const states = { details: { states: ['scheduled', 'pending', 'aggregating'] } };
      await expect(inspector.queues.remove(Q)).rejects.toMatchObject({ code: 'queue-not-empty', ...states });
      const exchange = { queues: [Q], room: 1, leaseMs: 60_000, worker: 'w' };
      const { tasks } = await broker.consume.exchange({ ...exchange, finishes: [] });
      await expect(inspector.queues.remove(Q, { force: true })).rejects.toMatchObject({
        code: 'queue-not-empty',
      });
      expect(await inspector.queues.get(Q)).toMatchObject({ size: 308, paused: false });
      const [task] = tasks;
      await broker.consume.exchange({
        ...exchange,
        room: 0,
        queues: [],
        finishes: [{ outcome: 'requeue', task: task! }],
      });
      await inspector.queues.remove(Q, { force: true });
      expect(await inspector.queues.list()).toEqual([]);
      const [facts] = await broker.inspect.queueFacts([Q]);
      expect(facts).toMatchObject({ paused: false, groups: 0, counts: { pending: 0, scheduled: 0 } });
      const unique = aTask({ queue: Q, id: 'new', uniqueMs: 60_000, payload: Buffer.from('1') });
      expect(await broker.submit.enqueue([unique])).toMatchObject([{ code: 'created' }]);
    });

    test('removes completed tasks with their queue', async () => {
      await broker.submit.enqueue(manyTasks(3, 't', { queue: Q }));
      for (const id of ['t0', 't1', 't2']) await broker.control.cancel({ queue: Q, id }, {});
      await inspector.queues.remove(Q);
      expect(await inspector.queues.list()).toEqual([]);
      expect(await broker.inspect.task({ queue: Q, id: 't0' })).toBeNull();
    });
  });
});
