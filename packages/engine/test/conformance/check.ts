import { describe, expect, test } from 'vitest';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { countsOf, end, take, type Bench, type Harness } from './harness.ts';

const CLEAN = { findings: [], remaining: 0, mended: 0, more: false };
const HOUR_MS = 3_600_000;

/** Fills the queue `default` with tasks in every state, with unique locks, a group and an aggregation set. */
async function fillAllStates(bench: Bench): Promise<void> {
  const { broker } = bench;
  await broker.submit.enqueue([
    ...['done', 'again', 'dead', 'active'].map((id) =>
      aTask({ id, type: id, retentionMs: HOUR_MS, uniqueMs: HOUR_MS }),
    ),
    aTask({ id: 'large', payload: Buffer.alloc(5_000) }),
  ]);
  const [done, again, dead] = await take(bench, { room: 4, leaseMs: HOUR_MS });
  await end(bench, finish.succeeded(done!), finish.retry(again!, HOUR_MS), finish.archive(dead!));
  await broker.submit.enqueue([
    aTask({ id: 'later', delayMs: HOUR_MS }),
    aTask({ id: 'cancelled' }),
    aTask({ id: 'pending', uniqueMs: HOUR_MS }),
    aTask({ id: 'set', group: 'a' }),
  ]);
  await broker.control.cancel({ queue: 'default', id: 'cancelled' }, {});
  const rules = { graceMs: 0, maxDelayMs: 0, maxSize: 1 };
  await broker.groups.take('default', rules, 1, null);
  await broker.submit.enqueue([aTask({ id: 'grouped', group: 'a' })]);
}

export function checkSuite(harness: Harness): void {
  describe('fsck', () => {
    test('finds no faults in a broker without tasks', async () => {
      const { broker } = await harness.openBench();
      expect(await fsck(broker)).toEqual({ ...CLEAN, queues: [] });
    });

    test.each([false, true])(
      'finds no faults in tasks of every state, and changes none of them (repair: %s)',
      async (repair) => {
        const bench = await harness.openBench();
        await fillAllStates(bench);
        const before = await countsOf(bench);
        expect(await fsck(bench.broker, { repair, pause: 0 })).toEqual({ ...CLEAN, queues: ['default'] });
        expect(await countsOf(bench)).toEqual(before);
        expect(Object.keys(before)).toHaveLength(8);
      },
    );

    test('finds no faults in several queues with more tasks than fit a page', async () => {
      const { broker } = await harness.openBench();
      await broker.submit.enqueue(manyTasks(1_700, 't', { queue: 'a' }));
      await broker.submit.enqueue(manyTasks(1_700, 't', { queue: 'b', delayMs: HOUR_MS }));
      expect(await fsck(broker)).toEqual({ ...CLEAN, queues: ['a', 'b'] });
      expect(await fsck(broker, { queues: ['b'] })).toEqual({ ...CLEAN, queues: ['b'] });
    });

    test('rejects a queue that does not exist', async () => {
      const { broker } = await harness.openBench();
      await expect(fsck(broker, { queues: ['none'] })).rejects.toMatchObject({ code: 'queue-not-found' });
    });
  });
}
