import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { finish, manyTasks } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const ACTIVE = 'asynq:{q}:active';
/** More than fit into one call, and more than a script rewrites at either end of the list. */
const TASKS = 1_200;

describe.skipIf(!hasRedis())('the list of active tasks', () => {
  const bed = redisBed();

  /** Enqueues and takes tasks; returns them newest first, as the list has them. */
  async function leaseTasks(count: number) {
    await bed.broker.submit.enqueue(manyTasks(count, 't', { queue: 'q' }));
    const taken = [];
    while (taken.length < count) taken.push(...(await bed.exchange({ room: 256 })).tasks);
    return taken.reverse();
  }

  async function expectOthersToStay(count: number, indexes: readonly number[]) {
    const tasks = await leaseTasks(count);
    const ended = new Set(indexes);
    const { finished } = await bed.exchange({
      finishes: indexes.map((index) => finish.succeeded(tasks[index]!)),
      room: 0,
    });
    expect(new Set(finished)).toEqual(new Set(['accepted']));
    const left = tasks.filter((_, index) => !ended.has(index)).map(({ id }) => id);
    expect(await bed.ask('LRANGE', ACTIVE, 0, -1)).toEqual(left);
    expect(await bed.ask('ZCARD', 'asynq:{q}:lease')).toBe(left.length);
  }

  const range = (from: number, to: number, step = 1) =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);

  test.each([
    ['all', 40, range(0, 40)],
    ['the oldest', TASKS, range(TASKS - 200, TASKS)],
    ['some of the oldest, in any order', TASKS, range(TASKS - 100, TASKS, 3).reverse()],
    ['the newest', TASKS, range(0, 200)],
    ['some of the newest', TASKS, range(0, 100, 2)],
    ['some spread over the list', TASKS, range(5, TASKS, 7)],
    ['enough spread over the list to make the script rewrite it', 2_500, range(0, 2_500, 10)],
    ['a few', TASKS, [3, 600, 1_199]],
  ])('loses %s, and the others keep their order', async (_, count, indexes) => {
    await expectOthersToStay(count, indexes);
  });

  test('loses any subset, and the others keep their order', async () => {
    const cases = fc
      .integer({ min: 1, max: 120 })
      .chain((count) => fc.tuple(fc.constant(count), fc.subarray(range(0, count), { minLength: 1 })));
    await fc.assert(
      fc.asyncProperty(cases, async ([count, indexes]) => {
        await bed.ask('FLUSHALL');
        await expectOthersToStay(count, indexes);
      }),
      { numRuns: 60 },
    );
  });

  test('loses one entry of an ID that it has twice', async () => {
    const tasks = await leaseTasks(12);
    await bed.ask('RPUSH', ACTIVE, tasks[0]!.id);
    await bed.exchange({ finishes: tasks.map((task) => finish.succeeded(task)), room: 0 });
    expect(await bed.ask('LRANGE', ACTIVE, 0, -1)).toEqual([tasks[0]!.id]);
  });
});
