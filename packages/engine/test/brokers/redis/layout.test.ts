import { describe, expect, test } from 'vitest';
import { encodeMessage } from '../../../src/protocol/message.ts';
import { aRecord, aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { goFields, goMessage } from './go-message.ts';
import { redisBed } from './bed.ts';

const Q = 'asynq:{q}:';
const DAY = '2040-01-01';

describe.skipIf(!hasRedis())('what Redis holds', () => {
  const bed = redisBed();
  const sec = (ms: number): number => Math.ceil(ms / 1_000);
  const nsec = (): string => `${bed.now()}000000`;
  const fieldsOf = async (id: string): Promise<string[]> => Object.keys(await bed.hash(`${Q}t:${id}`)).sort();
  const field = async (id: string, name: string): Promise<string> =>
    String((await bed.hash(`${Q}t:${id}`))[name]);
  const message = async (id: string) => goFields((await bed.hash(`${Q}t:${id}`)).msg ?? Buffer.alloc(0));

  test('an immediate task is a hash of three fields and an ID at the left of pending', async () => {
    const payload = Buffer.from('{"n":1234567890123456789}');
    await bed.broker.submit.enqueue([
      aTask({ id: 'a', queue: 'q', type: 'mail:send', payload, maxRetries: 3, timeoutMs: 1_500 }),
      aTask({ id: 'b', queue: 'q' }),
    ]);
    const hash = await bed.hash(`${Q}t:a`);
    const given = { type: 'mail:send', payload: payload.toString(), id: 'a', queue: 'q' };
    expect(hash).toEqual({
      msg: goMessage({ ...given, retry: 3, timeout: 1 }),
      state: Buffer.from('pending'),
      pending_since: Buffer.from(nsec()),
    });
    expect(await bed.ask('LRANGE', `${Q}pending`, 0, -1)).toEqual(['b', 'a']);
    expect(await bed.ask('SMEMBERS', 'asynq:queues')).toEqual(['q']);
    expect(await bed.keys()).toEqual(['asynq:queues', `${Q}pending`, `${Q}t:a`, `${Q}t:b`, 'tc:{q}:n']);
    expect(await bed.hash('tc:{q}:n')).toEqual({ enqueued: Buffer.from('2') });
  });

  test('durations are whole seconds: a timeout is rounded down to at least 1 s, the others are rounded up', async () => {
    const times = { timeoutMs: 1, deadlineMs: 1_800_000_000_001, retentionMs: 999 };
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', ...times })]);
    expect(await message('a')).toMatchObject({ 8: 1, 9: 1_800_000_001, 12: 1 });
  });

  test('a scheduled task has an integer score, rounded up, and its exact time beside it', async () => {
    await bed.broker.submit.enqueue([
      aTask({ id: 'a', queue: 'q', delayMs: 1_001, meta: { business: 'b1' } }),
    ]);
    const due = bed.now() + 1_001;
    expect(await bed.ask('ZSCORE', `${Q}scheduled`, 'a')).toBe(sec(due));
    expect(await bed.ask('ZSCORE', 'tc:{q}:due', 'a')).toBe(due);
    expect(await fieldsOf('a')).toEqual(['msg', 'state', 'tc', 'tc:d']);
    expect(await field('a', 'tc')).toBe('1{"b":"b1"}');
    expect(await field('a', 'tc:d')).toBe(String(due));
    expect(await bed.ask('SMEMBERS', 'tc:{q}:biz')).toEqual(['b1']);
  });

  test('the year 9999 keeps every digit', async () => {
    const runAtMs = Date.UTC(9_999, 11, 31, 23, 59, 59, 999);
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', runAtMs })]);
    expect(await bed.ask('ZSCORE', 'tc:{q}:due', 'a')).toBe(runAtMs);
    expect(await field('a', 'tc:d')).toBe('253402300799999');
    expect(await bed.ask('ZSCORE', `${Q}scheduled`, 'a')).toBe(253_402_300_800);
  });

  test('an active task is in active and lease; the score is whole seconds and the token', async () => {
    await bed.broker.submit.enqueue(['a', 'b'].map((id) => aTask({ id, queue: 'q' })));
    const { tasks } = await bed.exchange();
    const [a, b] = tasks;
    expect(b?.token).toBe(a?.token);
    expect(await bed.ask('LRANGE', `${Q}active`, 0, -1)).toEqual(['b', 'a']);
    const score = Number(await bed.ask('ZSCORE', `${Q}lease`, 'a'));
    expect(Math.floor(score)).toBe(sec(bed.now() + 6_000));
    expect(Math.round((score % 1) * 1e6)).toBe(a?.token);
    expect(await fieldsOf('a')).toEqual(['msg', 'state', 'tc:a']);
    expect(await field('a', 'tc:a')).toBe(`${bed.now()};1;0;0;host:7`);
    expect(await bed.ask('EXISTS', `${Q}pending`)).toBe(0);
    bed.advance(2_500);
    await bed.broker.consume.extend(tasks, 6_000);
    const renewed = Number(await bed.ask('ZSCORE', `${Q}lease`, 'a'));
    expect(Math.floor(renewed)).toBe(sec(bed.now() + 6_000));
    expect(Math.round((renewed % 1) * 1e6)).toBe(a?.token);
  });

  test('tokens start again at 1 after 999,999 and are never 0', async () => {
    await bed.broker.submit.enqueue(['a', 'b', 'c'].map((id) => aTask({ id, queue: 'q' })));
    await bed.ask('SET', 'tc:{q}:tok', Math.ceil(bed.now() / 999_999) * 999_999 - 2);
    const tokens: number[] = [];
    for (let n = 0; n < 3; n += 1) tokens.push((await bed.takeOne()).token);
    expect(tokens).toEqual([999_999, 1, 2]);
    expect(await bed.ask('ZSCORE', `${Q}lease`, 'a')).toBe(sec(bed.now() + 6_000) + 0.999999);
  });

  test('a success without retention leaves nothing of the task', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.exchange({ finishes: [finish.succeeded(await bed.takeOne())] });
    const counters = [`${Q}processed`, `${Q}processed:${DAY}`, 'tc:{q}:n'];
    expect(await bed.keys()).toEqual(['asynq:queues', ...counters, 'tc:{q}:tok']);
  });

  test('a kept success has completed_at in its message and its expiry as score', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', retentionMs: 60_000 })]);
    const task = await bed.takeOne();
    await bed.exchange({ finishes: [finish.succeeded(task, Buffer.from([0, 255]))] });
    expect(await fieldsOf('a')).toEqual(['msg', 'result', 'state', 'tc:a', 'tc:x']);
    expect((await bed.hash(`${Q}t:a`)).result).toEqual(Buffer.from([0, 255]));
    expect(await message('a')).toMatchObject({ 13: Math.floor(bed.now() / 1_000), 12: 60 });
    expect(await bed.ask('ZSCORE', `${Q}completed`, 'a')).toBe(sec(bed.now()) + 60);
    expect(await bed.ask('EXISTS', `${Q}active`, `${Q}lease`)).toBe(0);
  });

  test('a retry has its count, error and time in the message', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.exchange({ finishes: [finish.retry(await bed.takeOne(), 1_501)] });
    const due = bed.now() + 1_501;
    expect(await message('a')).toMatchObject({
      6: 1,
      7: 'the handler failed',
      11: Math.floor(bed.now() / 1_000),
    });
    expect(await bed.ask('ZSCORE', `${Q}retry`, 'a')).toBe(sec(due));
    expect(await bed.ask('ZSCORE', 'tc:{q}:due', 'a')).toBe(due);
    expect(await field('a', 'state')).toBe('retry');
    expect(await field('a', 'tc:d')).toBe(String(due));
  });

  test('a message that was retried many times does not grow without bound', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', maxRetries: 100 })]);
    const sizes: number[] = [];
    for (let n = 0; n < 30; n += 1) {
      const task = await bed.takeOne();
      const record = aRecord(task, { error: { class: 'E', message: `failure ${n}` } });
      await bed.exchange({
        finishes: [{ task, outcome: 'retry', delayMs: 0, countsAsFailure: true, record }],
        room: 0,
      });
      await bed.broker.maintain.forward([{ queue: 'q', limit: 10 }]);
      sizes.push(((await bed.hash(`${Q}t:a`)).msg ?? '').length);
    }
    expect(Math.max(...sizes)).toBeLessThan((sizes[0] ?? 0) + 100);
    expect(await message('a')).toMatchObject({ 1: 'test:run', 2: '{"a":1}', 6: 30, 7: 'failure 29' });
  });

  test('an archived task has the time at which it was archived as score', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.exchange({ finishes: [finish.archive(await bed.takeOne())] });
    expect(await bed.ask('ZSCORE', `${Q}archived`, 'a')).toBe(Math.floor(bed.now() / 1_000));
    expect(await message('a')).toMatchObject({ 7: 'the handler failed', 11: Math.floor(bed.now() / 1_000) });
    expect((await message('a'))[6]).toBeUndefined();
  });

  test('a requeued task is at the right end of pending, with the time of the requeue', async () => {
    await bed.broker.submit.enqueue(['a', 'b', 'c'].map((id) => aTask({ id, queue: 'q' })));
    const { tasks } = await bed.exchange({ room: 2 });
    bed.advance(1_000);
    await bed.exchange({ finishes: tasks.map((task) => finish.requeue(task)), room: 0 });
    expect(await bed.ask('LRANGE', `${Q}pending`, 0, -1)).toEqual(['c', 'b', 'a']);
    expect(await field('a', 'pending_since')).toBe(nsec());
    expect(await field('a', 'tc:a')).toBe(`${bed.now() - 1_000};0;0;1;host:7`);
  });

  test('a deferred task is scheduled for Go, and its attempt state says what it waits for', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    const { tasks } = await bed.exchange();
    await bed.exchange({ finishes: [finish.defer(tasks[0]!, 1_500, 'why; so')], room: 0 });
    const dueMs = bed.now() + 1_500;
    expect(await bed.ask('ZSCORE', `${Q}scheduled`, 'a')).toBe(sec(dueMs));
    expect(await bed.ask('ZSCORE', 'tc:{q}:due', 'a')).toBe(dueMs);
    expect(await field('a', 'state')).toBe('scheduled');
    expect(await field('a', 'tc:a')).toBe(`${bed.now()};0;0;1;host:7;why; so`);
  });

  test('what a task waited for is not shown when Go has run it since', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    const { tasks } = await bed.exchange();
    await bed.exchange({ finishes: [finish.defer(tasks[0]!, 0, 'why')], room: 0 });
    const waitingFor = async () => (await bed.broker.inspect.task({ queue: 'q', id: 'a' }))?.waitingFor;
    expect(await waitingFor()).toBe('why');
    const failed = { id: 'a', type: 'x', queue: 'q', lastFailedAt: Math.ceil(bed.now() / 1_000) + 1 };
    await bed.ask('HSET', `${Q}t:a`, 'msg', encodeMessage(failed), 'state', 'pending');
    expect(await waitingFor()).toBeNull();
  });

  test('a paused queue has the key that Go checks', async () => {
    await bed.broker.control.pause('q', 'why');
    expect(await bed.ask('GET', `${Q}paused`)).toBe(String(Math.floor(bed.now() / 1_000)));
    await bed.broker.control.resume('q');
    expect(await bed.keys()).toEqual([]);
  });

  test('a cancelled task is in completed for Go, and in a set of ours with the same score', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', delayMs: 5_000 })]);
    await bed.broker.control.cancel({ queue: 'q', id: 'a' }, { by: 'me' });
    expect(await bed.ask('ZSCORE', `${Q}completed`, 'a')).toBe(sec(bed.now()) + 3_600);
    expect(await bed.ask('ZSCORE', 'tc:{q}:st:cancelled', 'a')).toBe(sec(bed.now()) + 3_600);
    expect(await field('a', 'state')).toBe('completed');
    expect(await field('a', 'tc:s')).toBe('cancelled');
    expect(await field('a', 'tc:c')).toBe(`{"at":${bed.now()},"by":"me"}`);
    expect(await bed.ask('EXISTS', `${Q}scheduled`, 'tc:{q}:due')).toBe(0);
  });
});

describe.skipIf(!hasRedis())('counters', () => {
  const bed = redisBed();

  async function run(ids: readonly string[], end: 'succeeded' | 'archive'): Promise<void> {
    await bed.broker.submit.enqueue(ids.map((id) => aTask({ id, queue: 'q' })));
    const { tasks } = await bed.exchange();
    await bed.exchange({ finishes: tasks.map((task) => finish[end](task)), room: 0 });
  }

  test('are kept in total and per UTC day, the latter for 90 days from their first attempt', async () => {
    await run(['a', 'b'], 'succeeded');
    await run(['c'], 'archive');
    expect(await bed.ask('MGET', `${Q}processed`, `${Q}processed:${DAY}`)).toEqual(['3', '3']);
    expect(await bed.ask('MGET', `${Q}failed`, `${Q}failed:${DAY}`)).toEqual(['1', '1']);
    const until = Math.floor(bed.now() / 1_000) + 90 * 86_400;
    expect(await bed.ask('EXPIRETIME', `${Q}processed:${DAY}`)).toBe(until);
    expect(await bed.ask('EXPIRETIME', `${Q}failed:${DAY}`)).toBe(until);
    expect(await bed.ask('TTL', `${Q}processed`)).toBe(-1);
  });

  test.each([
    [Date.UTC(2_044, 1, 28, 23, 59, 59, 999), '2044-02-28'],
    [Date.UTC(2_044, 1, 29), '2044-02-29'],
    [Date.UTC(2_044, 2, 1), '2044-03-01'],
    [Date.UTC(2_100, 1, 28, 12), '2100-02-28'],
    [Date.UTC(2_100, 2, 1), '2100-03-01'],
    [Date.UTC(2_041, 11, 31, 23, 59, 59, 999), '2041-12-31'],
    [Date.UTC(2_042, 0, 1), '2042-01-01'],
  ])('name the day of %d', async (ms, day) => {
    bed.advance(ms - bed.now());
    await run(['a'], 'succeeded');
    expect(await bed.ask('GET', `${Q}processed:${day}`)).toBe('1');
  });

  // Asynq sets a total that equals the maximum as a double to 1 instead of incrementing it.
  test.each([
    ['9223372036854775807', 1, '1'],
    ['9223372036854775807', 3, '3'],
    ['9223372036854775296', 2, '2'],
    ['9223372036854775295', 1, '9223372036854775296'],
    ['9223372036854775295', 3, '2'],
    ['9223372036854775294', 1, '9223372036854775295'],
    ['41', 1, '42'],
  ])('start again when the total is full: %s and %d more', async (before, more, after) => {
    await bed.ask('SET', `${Q}processed`, before);
    await run(
      Array.from({ length: more }, (_, i) => `t${i}`),
      'succeeded',
    );
    expect(await bed.ask('GET', `${Q}processed`)).toBe(after);
  });

  test('start again together when a failure finds the total full', async () => {
    await bed.ask('MSET', `${Q}processed`, '9223372036854775807', `${Q}failed`, 70);
    await run(['a', 'b'], 'archive');
    expect(await bed.ask('MGET', `${Q}processed`, `${Q}failed`)).toEqual(['2', '2']);
  });

  test('stop no task when they are damaged', async () => {
    await bed.ask('SET', `${Q}processed`, 'many');
    await bed.ask('LPUSH', `${Q}failed`, 'x');
    await run(['a'], 'archive');
    expect(await bed.ask('ZCARD', `${Q}archived`)).toBe(1);
    expect(await bed.broker.inspect.queueFacts(['q'])).toMatchObject([
      { counts: { archived: 1 }, failed: 0 },
    ]);
  });
});
