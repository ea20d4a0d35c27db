import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import { aTask, finish, manyTasks } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const Q = 'asynq:{q}:';
const STEP = [{ queue: 'q', limit: 100 }];

describe.skipIf(!hasRedis())('unreadable data', () => {
  const bed = redisBed();

  async function putMessage(id: string, bytes: Buffer): Promise<void> {
    await bed.ask('HSET', `${Q}t:${id}`, 'msg', bytes, 'state', 'pending');
    await bed.ask('LPUSH', `${Q}pending`, id);
  }

  test('an invalid message is archived as it is, and the others are taken', async () => {
    const bytes = Buffer.from([10, 200, 1, 255]);
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await putMessage('bad', bytes);
    await bed.broker.submit.enqueue([aTask({ id: 'b', queue: 'q' })]);
    const outcome = await bed.exchange();
    expect(outcome.tasks.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(outcome.quarantined).toEqual([{ queue: 'q', ids: ['bad'] }]);
    expect((await bed.hash(`${Q}t:bad`)).msg).toEqual(bytes);
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'bad' })).toMatchObject({
      state: 'archived',
      type: '',
      payload: null,
      attempts: [{ error: { class: 'undecodable' } }],
    });
    expect(await bed.ask('LRANGE', `${Q}active`, 0, -1)).toEqual(['b', 'a']);
    expect(await bed.ask('ZCARD', `${Q}lease`)).toBe(2);
    expect(await bed.ask('EXISTS', `${Q}processed`, `${Q}failed`)).toBe(0);
    expect(
      await bed.broker.inspect.list({ queue: 'q', state: 'archived', limit: 5, cursor: null }),
    ).toMatchObject({
      tasks: [{ id: 'bad' }],
      total: 1,
    });
  });

  test('an ID without a task, or with half of one, is dropped', async () => {
    await bed.ask('LPUSH', `${Q}pending`, 'gone', 'half', 'other');
    await bed.ask('HSET', `${Q}t:half`, 'state', 'active');
    await bed.ask('SET', `${Q}t:other`, 'a string');
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    const { tasks, quarantined } = await bed.exchange();
    expect(tasks.map(({ id }) => id)).toEqual(['a']);
    expect(quarantined).toEqual([{ queue: 'q', ids: ['gone', 'half', 'other'] }]);
    expect(await bed.ask('EXISTS', `${Q}pending`)).toBe(0);
    expect(await bed.ask('GET', `${Q}t:other`)).toBe('a string');
    expect((await bed.exchange({ finishes: tasks.map((task) => finish.succeeded(task)) })).finished).toEqual([
      'accepted',
    ]);
  });

  test('an ID that is in pending twice is taken once', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.ask('LPUSH', `${Q}pending`, 'a');
    const { tasks, quarantined } = await bed.exchange();
    expect(tasks.map(({ id }) => id)).toEqual(['a']);
    expect(quarantined).toEqual([]);
    expect(await bed.ask('LRANGE', `${Q}active`, 0, -1)).toEqual(['a']);
  });

  test.each(['pending', 'active', 'lease'])('a %s of a wrong type stops its queue only', async (name) => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' }), aTask({ id: 'b', queue: 'valid' })]);
    await bed.ask('DEL', `${Q}${name}`);
    await bed.ask('SET', `${Q}${name}`, 'x');
    const { tasks } = await bed.exchange({ queues: ['q', 'valid'] });
    expect(tasks.map(({ id }) => id)).toEqual(['b']);
    expect(await bed.ask('GET', `${Q}${name}`)).toBe('x');
    const steps = ['q', 'valid'].map((queue) => ({ queue, limit: 10 }));
    expect(await bed.broker.maintain.forward(steps)).toHaveLength(2);
    expect(await bed.broker.maintain.recover(steps, POISON_LIMITS)).toHaveLength(2);
    expect(await bed.broker.maintain.expire(steps)).toEqual([0, 0]);
    expect(await bed.broker.inspect.queueFacts(['q', 'valid'])).toMatchObject([
      { counts: { [name === 'lease' ? 'active' : name]: 0 } },
      { counts: { active: 1 } },
    ]);
  });

  test.each(['pending', 'scheduled'])(
    'a %s of a wrong type fails the tasks of its queue, and nothing is written',
    async (name) => {
      await bed.ask('SET', `${Q}${name}`, 'x');
      const outcomes = await bed.broker.submit.enqueue([
        aTask({ id: 'a', queue: 'q' }),
        aTask({ id: 'b', queue: 'valid' }),
      ]);
      expect(outcomes).toMatchObject([
        { code: 'broker-corrupt', cause: expect.stringContaining(`${Q}${name}`) },
        { code: 'created' },
      ]);
      expect(await bed.ask('EXISTS', `${Q}t:a`)).toBe(0);
    },
  );

  test("a string under a task's name fails that task only", async () => {
    await bed.ask('SET', `${Q}t:b`, 'x');
    const outcomes = await bed.broker.submit.enqueue(['a', 'b', 'c'].map((id) => aTask({ id, queue: 'q' })));
    expect(outcomes).toMatchObject([
      { code: 'created' },
      { code: 'broker-corrupt', cause: expect.stringContaining(`${Q}t:b`) },
      { code: 'created' },
    ]);
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'b' })).toBeNull();
    for (const action of ['cancel', 'remove'] as const) {
      await expect(bed.broker.control[action]({ queue: 'q', id: 'b' }, {})).rejects.toMatchObject({
        code: 'broker-corrupt',
      });
    }
  });

  test('a text that is not valid Unicode fails its own task only', async () => {
    const outcomes = await bed.broker.submit.enqueue([
      aTask({ id: 'a', queue: 'q', headers: { bad: '\ud800' } }),
      aTask({ id: 'b', queue: 'q' }),
    ]);
    expect(outcomes).toMatchObject([{ code: 'broker-corrupt' }, { code: 'created' }]);
  });

  test('a set that a finish needs is checked before anything is written', async () => {
    await bed.broker.submit.enqueue(manyTasks(2, 't', { queue: 'q', retentionMs: 60_000 }));
    const { tasks } = await bed.exchange();
    await bed.ask('SET', `${Q}completed`, 'x');
    const before = await bed.keys();
    const { finished } = await bed.exchange({
      finishes: tasks.map((task) => finish.succeeded(task)),
      room: 0,
    });
    expect(finished).toEqual(['lease-lost', 'lease-lost']);
    expect(await bed.keys()).toEqual(before);
    expect(await bed.ask('LLEN', `${Q}active`)).toBe(2);
  });

  test('a lease whose task does not exist is removed, and its finish is refused', async () => {
    await bed.broker.submit.enqueue(manyTasks(2, 't', { queue: 'q' }));
    const { tasks } = await bed.exchange();
    await bed.ask('DEL', `${Q}t:t0`);
    const { finished } = await bed.exchange({
      finishes: tasks.map((task) => finish.succeeded(task)),
      room: 0,
    });
    expect(finished).toEqual(['lease-lost', 'accepted']);
    expect(await bed.ask('EXISTS', `${Q}active`, `${Q}lease`)).toBe(0);
    expect(await bed.ask('GET', `${Q}processed`)).toBe('1');
  });

  test('a lease without a task is dropped when it expires', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.takeOne();
    await bed.ask('DEL', `${Q}t:a`);
    bed.advance(7_000);
    expect(await bed.broker.maintain.recover(STEP, POISON_LIMITS)).toEqual([
      { recovered: 0, archived: 0, orphans: [], quarantined: ['a'] },
    ]);
    expect(await bed.ask('EXISTS', `${Q}active`, `${Q}lease`, `${Q}pending`)).toBe(0);
  });

  test('damaged fields of ours stop nothing', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', meta: { business: 'b' } })]);
    await bed.ask('HSET', `${Q}t:a`, 'tc', '1{', 'tc:a', 'rubbish', 'tc:x', 'no\njson', 'tc:d', 'x');
    const task = await bed.takeOne();
    expect(task).toMatchObject({ id: 'a', meta: {}, attempt: 1, crashes: 0 });
    await bed.exchange({ finishes: [finish.archive(task)] });
    expect(await bed.broker.inspect.task({ queue: 'q', id: 'a' })).toMatchObject({
      state: 'archived',
      attempts: [{ number: 1, outcome: 'failed' }],
    });
  });
});
