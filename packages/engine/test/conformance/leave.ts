import { describe, expect, test } from 'vitest';
import { LEAVE_MS, MAX_LEFT } from '../../src/broker/bounds.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { end, exchange, forward, idsOf, take, takeOne, type Bench, type Harness } from './harness.ts';

const LEAVE = { leave: ['b', 'ü'] };

/** Enqueues a task per letter, of the type that the letter names. */
async function enqueue({ broker }: Bench, types: string): Promise<void> {
  await broker.submit.enqueue(types.split('').map((type, i) => aTask({ id: `${type}${i}`, type })));
}

export function leaveSuite(harness: Harness): void {
  describe('a fetch that leaves types to other workers', () => {
    test('takes the tasks behind them, and the others stay the next to run, in their order', async () => {
      const bench = await harness.openBench();
      await enqueue(bench, 'babüaba');
      const first = await exchange(bench, { ...LEAVE, room: 2 });
      expect([idsOf(first.tasks), first.finished]).toEqual([['a1', 'a4'], []]);
      expect(first.tasks.map(({ attempt }) => attempt)).toEqual([1, 1]);
      const { tasks, hasLeft } = await exchange(bench, LEAVE);
      expect([idsOf(tasks), hasLeft]).toEqual([['a6'], true]);
      expect(await exchange(bench, LEAVE)).toMatchObject({ tasks: [], hasLeft: true });
      const others = await take(bench);
      expect(idsOf(others)).toEqual(['b0', 'b2', 'ü3', 'b5']);
      expect(
        await end(bench, ...[...first.tasks, ...tasks, ...others].map((task) => finish.succeeded(task))),
      ).toEqual(Array.from({ length: 7 }, () => 'accepted'));
      expect(await exchange(bench, LEAVE)).toMatchObject({ tasks: [], hasLeft: false });
    });

    test('takes them once they have been pending for a time', async () => {
      const bench = await harness.openBench();
      await enqueue(bench, 'b');
      await bench.advance(LEAVE_MS - 1);
      expect(await take(bench, LEAVE)).toEqual([]);
      await bench.advance(1);
      const task = await takeOne(bench, LEAVE);
      await end(bench, finish.defer(task, 1_000));
      await bench.advance(1_000);
      await forward(bench);
      expect(await take(bench, LEAVE)).toEqual([]);
      await bench.advance(LEAVE_MS);
      expect(idsOf(await take(bench, LEAVE))).toEqual(['b0']);
    });

    test('does not leave them when the clock was set back since', async () => {
      const bench = await harness.openBench();
      await enqueue(bench, 'b');
      await bench.advance(-60_000);
      expect(idsOf(await take(bench, LEAVE))).toEqual(['b0']);
    });

    test('knows a type by its whole name', async () => {
      const bench = await harness.openBench();
      const types = ['b', 'bb', 'B', 'b:c', 'a', ''.padEnd(200, 'b')];
      await bench.broker.submit.enqueue(types.map((type, i) => aTask({ id: String(i), type })));
      const leave = ['b', ''.padEnd(200, 'b')];
      expect(idsOf(await take(bench, { leave }))).toEqual(['1', '2', '3', '4']);
    });

    test('gives a queue its share of what is not left', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([
        ...manyTasks(5, 'b', { type: 'b', queue: 'one' }),
        ...manyTasks(5, 'a', { queue: 'one' }),
        ...manyTasks(5, 'c', { queue: 'two' }),
      ]);
      const tasks = await take(bench, { ...LEAVE, queues: ['one', 'two'], shares: [2, 2], room: 4 });
      expect(idsOf(tasks)).toEqual(['a0', 'a1', 'c0', 'c1']);
    });

    test(`looks past ${MAX_LEFT} tasks, and no further`, async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue(manyTasks(MAX_LEFT, 'b', { type: 'b' }));
      await bench.broker.submit.enqueue([aTask({ id: 'near' })]);
      expect(idsOf(await take(bench, { ...LEAVE, room: 1 }))).toEqual(['near']);
      await bench.broker.submit.enqueue([aTask({ id: 'more', type: 'b' }), aTask({ id: 'far' })]);
      expect(await exchange(bench, { ...LEAVE, room: 1 })).toMatchObject({ tasks: [], hasLeft: true });
    });

    test('keeps to the bytes of a call', async () => {
      const bench = await harness.openBench();
      const payload = Buffer.alloc(200_000, 1);
      await bench.broker.submit.enqueue([
        aTask({ id: 'b', type: 'b', payload }),
        ...manyTasks(4, 'a', { payload }),
      ]);
      expect(idsOf(await take(bench, LEAVE))).toEqual(['a0', 'a1']);
      expect(idsOf(await take(bench, LEAVE))).toEqual(['a2', 'a3']);
      expect(idsOf(await take(bench))).toEqual(['b']);
    });
  });
}
