import { describe, expect, test } from 'vitest';
import type { ListedState } from '@task-center/model';
import { aTask, finish, manyTasks } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const Q = 'asynq:{q}:';

describe.skipIf(!hasRedis())('lists that change while they are read', () => {
  const bed = redisBed();

  async function page(state: ListedState, limit: number, cursor: string | null = null) {
    const found = await bed.broker.inspect.list({ queue: 'q', state, limit, cursor });
    return { ids: found.tasks.map(({ id }) => id), cursor: found.cursor };
  }

  test('a page of pending tasks continues where the last one ended although tasks were taken', async () => {
    await bed.broker.submit.enqueue(manyTasks(6, 't', { queue: 'q' }));
    const first = await page('pending', 3);
    await bed.exchange({ room: 1 });
    expect(await page('pending', 3, first.cursor)).toEqual({ ids: ['t3', 't4', 't5'], cursor: null });
  });

  test('a page of pending tasks continues although the last task before it was removed', async () => {
    await bed.broker.submit.enqueue(manyTasks(6, 't', { queue: 'q' }));
    const first = await page('pending', 3);
    await bed.broker.control.remove({ queue: 'q', id: 't2' });
    expect(await page('pending', 3, first.cursor)).toEqual({ ids: ['t3', 't4', 't5'], cursor: null });
  });

  test('a page of pending tasks starts at the end of the list when all tasks before it have left', async () => {
    await bed.broker.submit.enqueue(manyTasks(6, 't', { queue: 'q' }));
    const first = await page('pending', 2);
    await bed.exchange({ room: 3 });
    expect(await page('pending', 9, first.cursor)).toEqual({ ids: ['t3', 't4', 't5'], cursor: null });
  });

  test('pages reach the end of a list of 120,000 IDs, although tasks are taken and added meanwhile', async () => {
    await bed.broker.submit.enqueue(manyTasks(2, 'last', { queue: 'q' }));
    // IDs without a task are cheap; they stand for tasks before these two.
    const before = Array.from({ length: 120_000 }, (_, i) => `before${i}`);
    for (let i = 0; i < before.length; i += 20_000)
      await bed.ask('RPUSH', `${Q}pending`, ...before.slice(i, i + 20_000));
    const seen: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const found: Awaited<ReturnType<typeof page>> = await page('pending', 500, cursor);
      seen.push(...found.ids);
      ({ cursor } = found);
      pages += 1;
      if (pages === 100) await bed.ask('RPOP', `${Q}pending`, 5_000);
      if (pages === 200) await bed.broker.submit.enqueue(manyTasks(2, 'new', { queue: 'q' }));
    } while (cursor !== null && pages < 300);
    expect(seen).toEqual(['last0', 'last1', 'new0', 'new1']);
  });

  test('a page within one second continues although the last task before it was removed', async () => {
    await bed.broker.submit.enqueue(manyTasks(9, 't', { queue: 'q' }));
    const { tasks } = await bed.exchange();
    await bed.exchange({ finishes: tasks.map((task) => finish.archive(task)), room: 0 });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const found: Awaited<ReturnType<typeof page>> = await page('archived', 2, cursor);
      seen.push(...found.ids);
      ({ cursor } = found);
      if (cursor) await bed.broker.control.remove({ queue: 'q', id: found.ids.at(-1) ?? '' });
    } while (cursor !== null);
    expect(seen).toEqual(tasks.map(({ id }) => id));
  });

  test('IDs without a task are skipped', async () => {
    await bed.broker.submit.enqueue(manyTasks(3, 't', { queue: 'q' }));
    await bed.ask('DEL', `${Q}t:t1`);
    expect((await page('pending', 5)).ids).toEqual(['t0', 't2']);
  });

  test('a page has at most about a mebibyte', async () => {
    const payload = Buffer.alloc(400 * 1_024, 1);
    await bed.broker.submit.enqueue(manyTasks(5, 't', { queue: 'q', payload }));
    await bed.broker.submit.enqueue(manyTasks(3, 's', { queue: 'q', payload, delayMs: 5_000 }));
    const first = await page('pending', 100);
    expect(first.ids).toEqual(['t0', 't1']);
    expect((await page('pending', 100, first.cursor)).ids).toEqual(['t2', 't3']);
    const scheduled = await page('scheduled', 100);
    expect(scheduled.ids).toEqual(['s0', 's1']);
    expect(await page('scheduled', 100, scheduled.cursor)).toEqual({ ids: ['s2'], cursor: null });
  });

  test('tasks of one second are listed by their milliseconds', async () => {
    const delays = [900, 300, 600];
    await bed.broker.submit.enqueue(
      delays.map((delayMs, i) => aTask({ id: `a${i}`, queue: 'q', delayMs: 5_000 + delayMs })),
    );
    await bed.ask('ZADD', `${Q}scheduled`, 9_999_999_999, 'a0');
    expect((await page('scheduled', 5)).ids).toEqual(['a1', 'a2', 'a0']);
  });

  test.each(['', 'rubbish', Buffer.from('{"score":"x","id":1}').toString('base64url')])(
    'the invalid cursor %j is refused',
    async (cursor) => {
      for (const state of ['pending', 'archived'] as const) {
        await expect(page(state, 5, cursor)).rejects.toMatchObject({ code: 'invalid-value' });
      }
    },
  );
});
