import { beforeEach, describe, expect, test } from 'vitest';
import type { LeasedTask } from '../../../src/broker/consume.ts';
import { fsck } from '../../../src/control/fsck.ts';
import { aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const STEP = [{ queue: 'q', limit: 256 }];
const A = { queue: 'q', id: 'a' };
const REQUESTS = 'tc:{q}:st:cancelling';
const TASK = 'asynq:{q}:t:a';

// A Go worker knows nothing of requests to cancel. What it does with such a task is done here by hand, key by key, as Asynq's
// scripts do it.
describe.skipIf(!hasRedis())('a task to be cancelled that a Go worker has', () => {
  const bed = redisBed();
  let task: LeasedTask;

  beforeEach(async () => {
    await bed.broker.submit.enqueue([aTask({ ...A, retentionMs: 60_000, uniqueMs: 600_000 })]);
    task = (await bed.exchange()).tasks[0]!;
    expect(await bed.broker.control.cancel(A, { by: 'ops', reason: 'twice' })).toEqual({ code: 'requested' });
  });

  const nowS = () => Math.floor(bed.now() / 1_000);

  /** Ends the attempt as Go does: into a sorted set, or to the end of `pending` where the next task is taken. */
  async function goPutsItInto(
    state: 'pending' | 'retry' | 'archived' | 'completed',
    score = 0,
  ): Promise<void> {
    await bed.ask('LREM', 'asynq:{q}:active', '0', 'a');
    await bed.ask('ZREM', 'asynq:{q}:lease', 'a');
    await bed.ask('HSET', TASK, 'state', state);
    if (state === 'pending') await bed.ask('RPUSH', 'asynq:{q}:pending', 'a');
    else await bed.ask('ZADD', `asynq:{q}:${state}`, String(score), 'a');
  }

  async function expectCancelled(): Promise<void> {
    expect(await bed.broker.inspect.task(A)).toMatchObject({
      state: 'cancelled',
      cancelled: { by: 'ops', reason: 'twice', wasRunning: true },
    });
    expect(await bed.ask('EXISTS', REQUESTS)).toBe(0);
    expect((await bed.exchange()).tasks).toEqual([]);
    const [facts] = await bed.broker.inspect.queueFacts(['q']);
    expect(facts?.counts).toMatchObject({ cancelled: 1, pending: 0, retry: 0, archived: 0, completed: 0 });
    expect(await fsck(bed.broker, { pause: 0 })).toMatchObject({ findings: [] });
    // Its lock is free.
    const again = await bed.broker.submit.enqueue([aTask({ ...A, id: 'b', uniqueMs: 600_000 })]);
    expect(again).toMatchObject([{ code: 'created' }]);
  }

  test('is not started by our workers when Go has given it back', async () => {
    await goPutsItInto('pending');
    await bed.broker.submit.enqueue([aTask({ queue: 'q', id: 'next', type: 'other' })]);
    expect((await bed.exchange({ room: 2 })).tasks.map(({ id }) => id)).toEqual(['next']);
    await expectCancelled();
  });

  test('is not forwarded when its retry is due', async () => {
    await goPutsItInto('retry', nowS() - 1);
    const [forwarded] = await bed.broker.maintain.forward(STEP);
    expect(forwarded).toMatchObject({ moved: 0, nextDueMs: null });
    await expectCancelled();
  });

  test('joins no group when its retry is due', async () => {
    await bed.ask('HSET', TASK, 'group', 'g');
    await goPutsItInto('retry', nowS() - 1);
    await bed.broker.maintain.forward(STEP);
    await expectCancelled();
  });

  test.each([
    ['retry', 600],
    ['pending', 0],
    ['archived', 0],
  ] as const)('is taken out of %s by the janitor, before Go can start it again', async (state, seconds) => {
    await goPutsItInto(state, nowS() + seconds);
    await bed.broker.maintain.expire(STEP);
    await expectCancelled();
  });

  test('is left alone by the janitor while it runs', async () => {
    await bed.broker.maintain.expire(STEP);
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'active', cancelled: { by: 'ops' } });
    expect(await bed.ask('ZCARD', REQUESTS)).toBe(1);
  });

  test('stays completed if Go has completed it, and a tool can run it again', async () => {
    await goPutsItInto('completed', nowS() + 60);
    expect(await bed.broker.control.cancel(A, {})).toEqual({ code: 'wrong-state', state: 'completed' });
    await bed.broker.maintain.expire(STEP);
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'completed', cancelled: { by: 'ops' } });
    expect(await bed.ask('EXISTS', REQUESTS)).toBe(0);
    await bed.ask('ZREM', 'asynq:{q}:completed', 'a');
    await bed.ask('HSET', TASK, 'state', 'pending');
    await bed.ask('LPUSH', 'asynq:{q}:pending', 'a');
    const [again] = (await bed.exchange()).tasks;
    expect(again?.id).toBe('a');
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'active', cancelled: null });
    await bed.exchange({ finishes: [finish.retry(again!, 60_000)], room: 0 });
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'retry', cancelled: null });
  });

  test('leaves no request behind if Go has deleted it', async () => {
    await bed.ask('LREM', 'asynq:{q}:active', '0', 'a');
    await bed.ask('ZREM', 'asynq:{q}:lease', 'a');
    await bed.ask('DEL', TASK);
    await bed.broker.maintain.expire(STEP);
    expect(await bed.ask('EXISTS', REQUESTS)).toBe(0);
  });

  test.each(['retry', 'archived'] as const)(
    'is cancelled instead of run by hand out of %s',
    async (state) => {
      await goPutsItInto(state, nowS());
      expect(await bed.broker.control.run(A)).toEqual({ code: 'wrong-state', state: 'cancelled' });
      await expectCancelled();
    },
  );

  test('is cancelled instead of run in bulk', async () => {
    await goPutsItInto('archived', nowS());
    const step = { queue: 'q', action: 'run', state: 'archived', limit: 10 } as const;
    expect(await bed.broker.control.changeMany(step)).toEqual({ handled: 0, more: false });
    await expectCancelled();
  });

  test('is cancelled at once if it is asked for again, with the first who asked', async () => {
    await goPutsItInto('retry', nowS() + 600);
    expect(await bed.broker.control.cancel(A, { by: 'someone else' })).toEqual({ code: 'requested' });
    await expectCancelled();
  });

  test('may be removed or archived by hand', async () => {
    await goPutsItInto('retry', nowS() + 600);
    expect(await bed.broker.control.archive(A)).toEqual({ code: 'done', from: 'retry' });
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'archived', cancelled: null });
    expect(await bed.ask('EXISTS', REQUESTS)).toBe(0);
    expect(await bed.broker.control.remove(A)).toEqual({ code: 'done', from: 'archived' });
  });

  test('runs once more, and obeys no old request, when a Go tool has run the cancelled task again', async () => {
    await bed.exchange({ finishes: [finish.retry(task, 1_000)], room: 0 });
    await bed.ask('ZREM', 'asynq:{q}:completed', 'a');
    await bed.ask('HSET', TASK, 'state', 'active');
    await bed.ask('LPUSH', 'asynq:{q}:active', 'a');
    await goPutsItInto('retry', nowS() - 1);
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 1 }]);
    const [again] = (await bed.exchange()).tasks;
    expect(again?.id).toBe('a');
    expect(await bed.broker.control.cancel(A, { by: 'later' })).toEqual({ code: 'requested' });
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'active', cancelled: { by: 'later' } });
  });

  test('is cancelled although the keys that show this have a wrong type', async () => {
    await bed.ask('SET', 'tc:{q}:st:cancelled', 'x');
    await bed.ask('DEL', REQUESTS);
    await bed.ask('SET', REQUESTS, 'x');
    await bed.exchange({ finishes: [finish.retry(task, 1_000)], room: 0 });
    expect(await bed.broker.inspect.task(A)).toMatchObject({ state: 'cancelled' });
    expect(await bed.ask('TYPE', 'tc:{q}:st:cancelled')).toBe('zset');
  });

  test('is cancelled, with defaults, although the request cannot be read', async () => {
    await bed.ask('HSET', TASK, 'tc:c', '{"at":broken');
    await bed.exchange({ finishes: [finish.retry(task, 1_000)], room: 0 });
    const record = await bed.broker.inspect.task(A);
    expect(record).toMatchObject({ state: 'cancelled', cancelled: null });
    expect((record?.expiresMs ?? 0) - bed.now()).toBeGreaterThanOrEqual(3_600_000);
  });
});

describe.skipIf(!hasRedis())('fsck of a request to cancel', () => {
  const bed = redisBed();

  test('tells the janitor of one that it does not know, and drops one that nobody has made', async () => {
    await bed.broker.submit.enqueue([aTask(A), aTask({ queue: 'q', id: 'b' })]);
    await bed.exchange();
    await bed.broker.control.cancel(A, {});
    await bed.ask('DEL', REQUESTS);
    await bed.ask('ZADD', REQUESTS, '5', 'b');
    await bed.ask('ZADD', REQUESTS, '5', 'gone');
    const findings = [
      { kind: 'leak', name: 'a' },
      { kind: 'leak', name: 'b' },
      { kind: 'leak', name: 'gone' },
    ];
    const report = await fsck(bed.broker, { pause: 0, repair: true });
    expect(report.findings).toHaveLength(3);
    expect(report.findings).toEqual(
      expect.arrayContaining(findings.map((finding) => expect.objectContaining(finding))),
    );
    expect(await bed.ask('ZRANGE', REQUESTS, '0', '-1')).toEqual(['a']);
    expect(await fsck(bed.broker, { pause: 0 })).toMatchObject({ findings: [] });
  });
});
