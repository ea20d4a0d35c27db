import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import type { LeasedTask } from '../../../src/broker/consume.ts';
import { SET_MS } from '../../../src/broker/groups.ts';
import { aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';
import { goFields, goMessage, type GoTask } from './go-message.ts';

const Q = 'asynq:{q}:';
const STEP = [{ queue: 'q', limit: 100 }];

describe.skipIf(!hasRedis())('beside Go processes', () => {
  // What Asynq's clients, servers and tools would write is written here by hand.
  const bed = redisBed();
  const sec = (): number => Math.floor(bed.now() / 1_000);

  /** A task's hash as a Go client writes it. */
  async function put(id: string, state: string, more: Partial<GoTask> = {}): Promise<void> {
    const msg = goMessage({ type: 'go:run', payload: '{}', id, queue: 'q', ...more });
    await bed.ask('HSET', `${Q}t:${id}`, 'msg', msg, 'state', state);
  }

  /** Enqueues as a Go client does. */
  async function goEnqueue(id: string, more: Partial<GoTask> = {}): Promise<void> {
    await put(id, 'pending', more);
    await bed.ask('HSET', `${Q}t:${id}`, 'pending_since', `${bed.now()}000000`);
    await bed.ask('LPUSH', `${Q}pending`, id);
  }

  /** Takes the next task as a Go server does. */
  async function goTake(): Promise<string> {
    const id = String(await bed.ask('RPOPLPUSH', `${Q}pending`, `${Q}active`));
    await bed.ask('HSET', `${Q}t:${id}`, 'state', 'active');
    await bed.ask('HDEL', `${Q}t:${id}`, 'pending_since');
    await bed.ask('ZADD', `${Q}lease`, sec() + 30, id);
    return id;
  }

  const messageOf = async (id: string) => goFields((await bed.hash(`${Q}t:${id}`)).msg ?? Buffer.alloc(0));

  test('a task of a Go client is taken, retried and completed', async () => {
    await goEnqueue('g1', { payload: '{"n":1}', retry: 2, timeout: 30, retention: 60 });
    bed.advance(1_234);
    const task = await bed.takeOne();
    expect(task).toMatchObject({
      id: 'g1',
      type: 'go:run',
      maxRetries: 2,
      retried: 0,
      timeoutMs: 30_000,
      retentionMs: 60_000,
      attempt: 1,
      crashes: 0,
      meta: {},
      headers: {},
      pendingSinceMs: bed.now() - 1_234,
    });
    expect(Buffer.from(task.payload ?? '').toString()).toBe('{"n":1}');
    await bed.exchange({ finishes: [finish.retry(task, 1_000)] });
    bed.advance(1_000);
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 1 }]);
    const again = await bed.takeOne();
    expect(again).toMatchObject({ attempt: 2, retried: 1 });
    expect((await bed.exchange({ finishes: [finish.succeeded(again)] })).finished).toEqual(['accepted']);
    expect(await messageOf('g1')).toMatchObject({ 1: 'go:run', 2: '{"n":1}', 5: 2, 6: 1, 8: 30, 13: sec() });
    expect(await bed.ask('HGET', `${Q}t:g1`, 'state')).toBe('completed');
  });

  test('attempts that a Go worker made are counted, too', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await goTake();
    const msg = goMessage({ type: 'go:run', payload: '{}', id: 'a', queue: 'q' });
    await bed.ask('HSET', `${Q}t:a`, 'msg', Buffer.concat([msg, Buffer.from([48, 2])]), 'state', 'pending');
    await bed.ask('DEL', `${Q}active`, `${Q}lease`);
    await bed.ask('LPUSH', `${Q}pending`, 'a');
    expect(await bed.takeOne()).toMatchObject({ retried: 2, attempt: 3 });
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'a' })).toMatchObject({ attempt: 3 });
  });

  test('tasks that Go scheduled move at their second, in order with all other due tasks', async () => {
    for (const [id, at] of [
      ['g1', sec() + 1],
      ['g3', sec() + 3],
    ] as const) {
      await put(id, 'scheduled');
      await bed.ask('ZADD', `${Q}scheduled`, at, id);
    }
    await put('g2', 'retry');
    await bed.ask('ZADD', `${Q}retry`, sec() + 2, 'g2');
    await bed.broker.submit.enqueue([aTask({ id: 'ours', queue: 'q', delayMs: 1_500 })]);
    expect(await bed.broker.maintain.forward(STEP)).toEqual([
      { moved: 0, lateMs: 0, nextDueMs: (sec() + 1) * 1_000, nextInMs: 750 },
    ]);
    bed.advance(2_749);
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 3, nextInMs: 1 }]);
    expect(await bed.ask('LRANGE', `${Q}pending`, 0, -1)).toEqual(['g2', 'ours', 'g1']);
    expect(await bed.ask('HGET', `${Q}t:g2`, 'state')).toBe('pending');
    expect(await bed.ask('HGET', `${Q}t:g2`, 'pending_since')).toBe(`${bed.now()}000000`);
  });

  test('a Go forwarder that was first leaves an exact time that starts nothing', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', delayMs: 1_500 })]);
    bed.advance(1_750);
    await bed.ask('ZREM', `${Q}scheduled`, 'a');
    await bed.ask('HSET', `${Q}t:a`, 'state', 'pending');
    await bed.ask('LPUSH', `${Q}pending`, 'a');
    expect(await bed.broker.maintain.forward(STEP)).toEqual([
      { moved: 0, lateMs: 0, nextDueMs: null, nextInMs: null },
    ]);
    expect(await bed.ask('LRANGE', `${Q}pending`, 0, -1)).toEqual(['a']);
    expect(await bed.ask('EXISTS', 'tc:{q}:due')).toBe(0);
  });

  test('an exact time never starts a new task of Go with the same ID in the same second', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', delayMs: 1_500 })]);
    await bed.ask('DEL', `${Q}t:a`);
    await put('a', 'scheduled');
    const second = Math.ceil((bed.now() + 1_500) / 1_000);
    expect(await bed.ask('ZSCORE', `${Q}scheduled`, 'a')).toBe(second);
    bed.advance(1_500);
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 0, nextDueMs: second * 1_000 }]);
    bed.advance(250);
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 1 }]);
  });

  test('a Go retry with an earlier time than our old one moves at its own time', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', delayMs: 60_000 })]);
    await bed.ask('ZREM', `${Q}scheduled`, 'a');
    await bed.ask('HSET', `${Q}t:a`, 'state', 'retry');
    await bed.ask('ZADD', `${Q}retry`, sec() + 5, 'a');
    bed.advance(5_000);
    expect(await bed.broker.maintain.forward(STEP)).toEqual([
      { moved: 1, lateMs: 250, nextDueMs: null, nextInMs: null },
    ]);
  });

  test('a due task with a group joins its group, and the group is named', async () => {
    await put('g1', 'scheduled');
    await bed.ask('HSET', `${Q}t:g1`, 'group', 'mails');
    await bed.ask('ZADD', `${Q}scheduled`, sec() - 1, 'g1');
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 1, nextDueMs: null }]);
    expect(await bed.ask('ZSCORE', `${Q}g:mails`, 'g1')).toBe(sec());
    expect(await bed.ask('SMEMBERS', `${Q}groups`)).toEqual(['mails']);
    expect(await bed.ask('HGET', `${Q}t:g1`, 'state')).toBe('aggregating');
    expect(await bed.ask('EXISTS', `${Q}pending`)).toBe(0);
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'g1' })).toMatchObject({ state: 'aggregating' });
    expect(await bed.broker.control.cancel({ queue: 'q', id: 'g1' }, {})).toEqual({
      code: 'wrong-state',
      state: 'aggregating',
    });
    expect(await bed.broker.control.remove({ queue: 'q', id: 'g1' })).toEqual({
      code: 'done',
      from: 'aggregating',
    });
    expect(await bed.ask('EXISTS', `${Q}g:mails`)).toBe(0);
  });

  test('an ID without a task is dropped when it is due', async () => {
    await bed.ask('ZADD', `${Q}scheduled`, sec() - 1, 'ghost');
    expect(await bed.broker.maintain.forward(STEP)).toEqual([
      { moved: 0, lateMs: 0, nextDueMs: null, nextInMs: null, quarantined: ['ghost'] },
    ]);
    expect(await bed.keys()).toEqual(['tc:{q}:odd']);
    expect(await bed.broker.inspect.queueFacts(['q'])).toMatchObject([{ anomalies: { dropped: 1 } }]);
  });

  test('a task of a Go worker is taken back 30 s after its lease has expired, not before', async () => {
    await goEnqueue('g1');
    await goTake();
    const recover = () => bed.broker.maintain.recover(STEP, POISON_LIMITS);
    const wait = async (ms: number) => {
      for (let left = ms; left > 0; left -= 700) {
        bed.advance(Math.min(left, 700));
        await recover();
      }
    };
    await wait(59_749);
    expect(await bed.ask('ZCARD', `${Q}lease`)).toBe(1);
    bed.advance(1);
    const [outcome] = await recover();
    expect(outcome).toMatchObject({ recovered: 0, archived: 0, orphans: [{ id: 'g1', attempt: 1 }] });
    // The recoverer has leased it in place of the Go worker: another recoverer does not get it.
    expect(await recover()).toEqual([{ recovered: 0, archived: 0, orphans: [] }]);
    const [task] = outcome?.orphans ?? [];
    const end = finish.retry(task as LeasedTask, 1_000);
    expect((await bed.exchange({ finishes: [end] })).finished).toEqual(['accepted']);
    expect(await bed.ask('EXISTS', `${Q}active`, `${Q}lease`)).toBe(0);
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'g1' })).toMatchObject({
      state: 'retry',
      retried: 1,
      crashes: 0,
    });
  });

  test('a task of Go whose recoverer is killed is the next to run', async () => {
    await goEnqueue('g1');
    await goTake();
    await bed.ask('ZADD', `${Q}lease`, sec() - 31, 'g1');
    const recover = () => bed.broker.maintain.recover(STEP, POISON_LIMITS);
    expect(await recover()).toMatchObject([{ orphans: [{ id: 'g1' }] }]);
    for (let ms = 0; ms < 11_000; ms += 700) {
      bed.advance(700);
      await recover();
    }
    expect(await bed.takeOne()).toMatchObject({ id: 'g1', crashes: 1, retried: 0 });
  });

  test('a lost task of Go with an unreadable message is archived, the others are ended', async () => {
    for (const id of ['bad', 'good']) await goEnqueue(id);
    await goTake();
    await goTake();
    await bed.ask('HSET', `${Q}t:bad`, 'msg', 'no message');
    await bed.ask('ZADD', `${Q}lease`, sec() - 31, 'bad', sec() - 31, 'good', sec() - 31, 'gone');
    expect(await bed.broker.maintain.recover(STEP, POISON_LIMITS)).toMatchObject([
      { archived: 1, orphans: [{ id: 'good' }] },
    ]);
    expect(await bed.ask('ZRANGE', `${Q}archived`, 0, -1)).toEqual(['bad']);
    expect(await bed.ask('ZRANGE', `${Q}lease`, 0, -1)).toEqual(['good']);
  });

  test('a task that a Go recoverer took back cannot be finished any more', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    const task = await bed.takeOne();
    await bed.ask('LREM', `${Q}active`, 0, 'a');
    await bed.ask('ZREM', `${Q}lease`, 'a');
    await bed.ask('HSET', `${Q}t:a`, 'state', 'pending');
    await bed.ask('LPUSH', `${Q}pending`, 'a');
    await goTake();
    expect((await bed.exchange({ finishes: [finish.succeeded(task)] })).finished).toEqual(['lease-lost']);
    expect(await bed.broker.consume.extend([task], 6_000)).toEqual([false]);
    expect(await bed.ask('ZSCORE', `${Q}lease`, 'a')).toBe(sec() + 30);
  });

  test('a cancelled task that a Go tool runs again is no longer cancelled', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', retentionMs: 60_000 })]);
    await bed.broker.control.cancel({ queue: 'q', id: 'a' }, { reason: 'no' });
    await bed.ask('ZREM', `${Q}completed`, 'a');
    await bed.ask('HSET', `${Q}t:a`, 'state', 'pending');
    await bed.ask('LPUSH', `${Q}pending`, 'a');
    await bed.exchange({ finishes: [finish.succeeded(await bed.takeOne())] });
    await bed.broker.maintain.expire(STEP);
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'a' })).toMatchObject({
      state: 'completed',
      cancelled: null,
    });
    expect(await bed.broker.inspect.queueFacts(['q'])).toMatchObject([
      { counts: { completed: 1, cancelled: 0 } },
    ]);
  });

  test.each([
    ['a success', (id: string) => finish.succeeded({ ...bedTask(id) }), 0],
    ['a kept success', (id: string) => finish.succeeded({ ...bedTask(id) }), 60],
  ])("%s releases the task's own unique lock, and no other task's", async (_, end, retention) => {
    for (const [id, holder] of [
      ['mine', 'mine'],
      ['theirs', 'another'],
    ] as const) {
      const uniqueKey = `${Q}unique:go:run:${id}`;
      await goEnqueue(id, { uniqueKey, retention });
      await bed.ask('SET', uniqueKey, holder);
    }
    taken = new Map((await bed.exchange()).tasks.map((task) => [task.id, task]));
    await bed.exchange({ finishes: ['mine', 'theirs'].map(end) });
    expect(await bed.ask('EXISTS', `${Q}unique:go:run:mine`)).toBe(0);
    expect(await bed.ask('GET', `${Q}unique:go:run:theirs`)).toBe('another');
    expect(await bed.ask('EXISTS', `${Q}t:mine`)).toBe(retention === 0 ? 0 : 1);
  });

  test('a lock outside the queue is left alone', async () => {
    await goEnqueue('g1', { uniqueKey: 'somebody:s:key' });
    await bed.ask('SET', 'somebody:s:key', 'g1');
    await bed.exchange({ finishes: [finish.succeeded(await bed.takeOne())] });
    expect(await bed.ask('GET', 'somebody:s:key')).toBe('g1');
  });

  let taken = new Map<string, Awaited<ReturnType<typeof bed.takeOne>>>();
  const bedTask = (id: string) => {
    const task = taken.get(id);
    if (!task) throw new Error(`${id} was not taken`);
    return task;
  };

  test.each(['cancel', 'remove'] as const)('%s releases the unique lock of a task', async (action) => {
    const uniqueKey = `${Q}unique:go:run:x`;
    await goEnqueue('g1', { uniqueKey, retention: 10_000 });
    await bed.ask('SET', uniqueKey, 'g1');
    const { control } = bed.broker;
    const ref = { queue: 'q', id: 'g1' };
    expect(await (action === 'cancel' ? control.cancel(ref, {}) : control.remove(ref))).toMatchObject({
      code: 'done',
    });
    expect(await bed.ask('EXISTS', uniqueKey)).toBe(0);
    if (action === 'cancel') {
      expect(await bed.ask('ZSCORE', `${Q}completed`, 'g1')).toBe(Math.ceil(bed.now() / 1_000) + 10_000);
    }
  });

  test('a set goes back to its group although the key of the group has a wrong type by now', async () => {
    const rules = { graceMs: 0, maxDelayMs: 0, maxSize: 0 };
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', group: 'g' })]);
    expect((await bed.broker.groups.take('q', rules, 1, null)).sets).toHaveLength(1);
    await bed.ask('SET', `${Q}g:g`, 'foreign');
    bed.advance(SET_MS);
    expect(await bed.broker.groups.reclaim(STEP)).toEqual([1]);
    expect(await bed.broker.inspect.groups('q')).toEqual([{ group: 'g', size: 1 }]);
    expect(await bed.ask('GET', `tc:{q}:aside:g:g:${sec()}`)).toBe('foreign');
    expect((await bed.broker.inspect.queueFacts(['q']))[0]).toMatchObject({ anomalies: { renamedKeys: 1 } });
  });
});
