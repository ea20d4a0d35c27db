import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import { aTask, finish, manyTasks } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';
import { goMessage } from './go-message.ts';

const Q = 'asynq:{q}:';
const STEP = [{ queue: 'q', limit: 100 }];
const NOTHING = { recovered: 0, archived: 0, locks: 0, groups: 0, renamedKeys: [] };

describe.skipIf(!hasRedis())('after crashed and foreign processes', () => {
  const bed = redisBed();
  const sec = (): number => Math.floor(bed.now() / 1_000);
  const repair = async () => (await bed.broker.maintain.repair(STEP))[0];

  /** Repairs whenever it is the queue's turn again, for the given time. */
  async function repairFor(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10_000) {
      bed.advance(Math.min(left, 10_000));
      await repair();
    }
  }

  async function recover() {
    const [result] = await bed.broker.maintain.recover(STEP, POISON_LIMITS);
    return result;
  }

  /** Repairs until a step has repaired something: with many keys a scan takes several steps. */
  async function nextRepair() {
    for (let i = 0; i < 50; i += 1) {
      const repaired = await repair();
      if (repaired && repaired.recovered + repaired.locks + repaired.groups > 0) return repaired;
      bed.advance(10_000);
    }
    return NOTHING;
  }

  async function putActive(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const msg = goMessage({ type: 'go:run', payload: '{}', id, queue: 'q' });
      await bed.ask('HSET', `${Q}t:${id}`, 'msg', msg, 'state', 'active');
    }
  }

  test('an active task without a lease runs again after a minute', async () => {
    await putActive('lost', 'held');
    await bed.ask('LPUSH', `${Q}active`, 'lost', 'held');
    await bed.ask('ZADD', `${Q}lease`, sec() + 1_000, 'held');
    expect(await repair()).toEqual(NOTHING);
    await repairFor(59_000);
    expect(await bed.ask('ZRANGE', `${Q}lease`, 0, -1)).toEqual(['held']);
    bed.advance(7_000);
    expect(await repair()).toEqual({ ...NOTHING, recovered: 1 });
    expect(await recover()).toMatchObject({ orphans: [{ id: 'lost' }] });
    expect(await bed.ask('ZSCORE', `${Q}lease`, 'held')).toBe(sec() + 1_000 - 66);
  });

  test('an active task whose lease was missing only once stays active', async () => {
    await putActive('a');
    await bed.ask('LPUSH', `${Q}active`, 'a');
    await repair();
    await bed.ask('ZADD', `${Q}lease`, sec() + 1_000, 'a');
    await repairFor(120_000);
    await bed.ask('ZREM', `${Q}lease`, 'a');
    bed.advance(10_000);
    expect(await repair()).toEqual(NOTHING);
    expect(await bed.ask('EXISTS', `${Q}lease`)).toBe(0);
  });

  test('an active ID without a task is dropped by the recoverer', async () => {
    await bed.ask('LPUSH', `${Q}active`, 'ghost');
    await repair();
    await repairFor(70_000);
    expect(await recover()).toEqual({ recovered: 0, archived: 0, orphans: [], quarantined: ['ghost'] });
    expect(await bed.ask('EXISTS', `${Q}active`, `${Q}lease`)).toBe(0);
  });

  test('an ID without a task that Go has dequeued is dropped with its incomplete hash', async () => {
    await bed.ask('LPUSH', `${Q}active`, 'ghost');
    await bed.ask('HSET', `${Q}t:ghost`, 'state', 'active');
    await bed.ask('ZADD', `${Q}lease`, sec() - 30, 'ghost');
    expect(await recover()).toEqual({ recovered: 0, archived: 0, orphans: [], quarantined: ['ghost'] });
    expect(await bed.ask('EXISTS', `${Q}active`, `${Q}lease`, `${Q}t:ghost`)).toBe(0);
  });

  test('a task whose finish was interrupted, and which is in no list, runs again', async () => {
    await putActive('cut');
    await repair();
    await repairFor(50_000);
    bed.advance(10_000);
    expect(await nextRepair()).toEqual({ ...NOTHING, recovered: 1 });
    expect(await recover()).toMatchObject({ orphans: [{ id: 'cut' }] });
  });

  test('long lists of active tasks are checked a window at a time', async () => {
    await bed.broker.submit.enqueue(manyTasks(250, 't', { queue: 'q' }));
    await bed.broker.consume.exchange({
      finishes: [],
      queues: ['q'],
      room: 250,
      leaseMs: 600_000,
      worker: 'w',
    });
    await bed.ask('ZREM', `${Q}lease`, 't0', 't120', 't249');
    for (let i = 0; i < 12; i += 1) {
      await repair();
      bed.advance(10_000);
    }
    expect(await bed.ask('ZRANGE', `${Q}lease`, 0, 2)).toEqual(['t0', 't120', 't249']);
    expect(await recover()).toMatchObject({ orphans: [{ id: 't0' }, { id: 't120' }, { id: 't249' }] });
  });

  test('a lock of a task that does not exist is released, others stay', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', uniqueMs: 3_600_000 })]);
    const [own] = (await bed.ask('KEYS', `${Q}unique:*`)) as string[];
    await bed.ask('SET', `${Q}unique:gone:`, 'nobody', 'EX', 3_600);
    await bed.ask('SET', 'asynq:{other}:unique:gone:', 'nobody', 'EX', 3_600);
    await bed.ask('HSET', `${Q}unique:odd:`, 'a', 'b');
    // No task could ever take this lock.
    expect(await repair()).toEqual({ ...NOTHING, renamedKeys: [`${Q}unique:odd:`] });
    const set = sec();
    bed.advance(59_000);
    expect(await repair()).toEqual(NOTHING);
    bed.advance(6_000);
    expect(await repair()).toEqual({ ...NOTHING, locks: 1 });
    expect(new Set((await bed.ask('KEYS', '*:unique:*')) as string[])).toEqual(
      new Set(['asynq:{other}:unique:gone:', own, `tc:{q}:aside:unique:odd::${set}`]),
    );
  });

  test('a group that is missing in groups is added again; sets that are being aggregated are left alone', async () => {
    await bed.ask('ZADD', `${Q}g:a:b`, sec(), 'x');
    await bed.ask('ZADD', `${Q}g:mails:6f2c`, sec(), 'y');
    await bed.ask('ZADD', `${Q}aggregation_sets`, sec() + 120, `${Q}g:mails:6f2c`);
    expect(await nextRepair()).toEqual({ ...NOTHING, groups: 1 });
    expect(await bed.ask('SMEMBERS', `${Q}groups`)).toEqual(['a:b']);
  });

  test('a lock whose task was missing only once stays', async () => {
    await bed.ask('SET', `${Q}unique:x:`, 'a');
    await repair();
    await putActive('a');
    bed.advance(61_000);
    await repair();
    await bed.ask('DEL', `${Q}t:a`);
    bed.advance(10_000);
    expect(await repair()).toEqual(NOTHING);
    expect(await bed.ask('EXISTS', `${Q}unique:x:`)).toBe(1);
  });

  test('every key is scanned, however many there are, and several processes share the work', async () => {
    await bed.broker.submit.enqueue(manyTasks(2_000, 't', { queue: 'q' }));
    await bed.ask('SET', `${Q}unique:gone:`, 'nobody');
    expect(await nextRepair()).toEqual({ ...NOTHING, locks: 1 });
    expect(await Promise.all([repair(), repair()])).toEqual([NOTHING, NOTHING]);
  });

  test('a queue whose name looks like a pattern is scanned by its literal name', async () => {
    await bed.ask('SET', 'asynq:{q*}:unique:gone:', 'nobody');
    await bed.ask('SET', `${Q}unique:gone:`, 'nobody');
    const step = [{ queue: 'q*', limit: 100 }];
    await bed.broker.maintain.repair(step);
    bed.advance(61_000);
    expect(await bed.broker.maintain.repair(step)).toEqual([{ ...NOTHING, locks: 1 }]);
    expect(await bed.ask('KEYS', '*:unique:*')).toEqual([`${Q}unique:gone:`]);
  });

  test.each(['inf', '1e300'])('a task with the start %s is archived with the reason', async (score) => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', delayMs: 1_000 })]);
    await bed.ask('ZADD', `${Q}scheduled`, score, 'a');
    await bed.ask('ZADD', `${Q}retry`, score, 'ghost');
    const ref = { queue: 'q', id: 'a' };
    expect(await bed.broker.inspect.task(ref)).toMatchObject({ state: 'scheduled', dueMs: null });
    bed.advance(1_000);
    expect(await bed.broker.maintain.forward(STEP)).toEqual([
      { moved: 0, lateMs: 0, nextDueMs: null, nextInMs: null },
    ]);
    expect(await repair()).toEqual({ ...NOTHING, archived: 1 });
    expect(await bed.broker.inspect.task(ref)).toMatchObject({
      state: 'archived',
      lastError: { message: 'its start is not a valid time' },
    });
    expect(await bed.ask('EXISTS', `${Q}scheduled`, `${Q}retry`, 'tc:{q}:due')).toBe(0);
  });

  test.each(['-inf', '-1e300', '-5.5', '0.25'])('a task with the start %s is due now', async (score) => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', delayMs: 60_000 })]);
    await bed.ask('ZADD', `${Q}scheduled`, score, 'a');
    expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 1, nextDueMs: null }]);
    expect((await bed.exchange()).tasks).toMatchObject([{ id: 'a' }]);
  });

  test.each([
    ['inf', { orphans: [{ id: 'a' }] }],
    ['1e300', { orphans: [{ id: 'a' }] }],
    ['-inf', { orphans: [{ id: 'a' }] }],
    ['-7.25', { recovered: 1 }],
  ])('a lease until %s has expired', async (score, expected) => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.takeOne();
    await bed.ask('ZADD', `${Q}lease`, score, 'a');
    await repair();
    expect(await recover()).toMatchObject(expected);
  });

  test('impossible times of finished tasks are replaced', async () => {
    await bed.broker.submit.enqueue(manyTasks(2, 't', { queue: 'q', retentionMs: 60_000 }));
    const { tasks } = await bed.exchange();
    const [one, two] = tasks;
    if (!one || !two) throw new Error('no tasks');
    await bed.exchange({ finishes: [finish.succeeded(one), finish.archive(two)], room: 0 });
    await bed.ask('ZADD', `${Q}completed`, 'inf', 't0');
    await bed.ask('ZADD', `${Q}archived`, '1e300', 't1');
    expect(await bed.broker.inspect.task({ queue: 'q', id: 't0' })).toMatchObject({ expiresMs: null });
    await repair();
    expect(await bed.ask('ZSCORE', `${Q}archived`, 't1')).toBe(sec());
    bed.advance(86_400_000);
    expect(await bed.broker.maintain.expire(STEP)).toEqual([1]);
  });

  test.each([
    ['pending', 'x'],
    ['active', 'x'],
    ['lease', 'x'],
    ['scheduled', 'x'],
    ['retry', 'x'],
    ['archived', 'x'],
    ['completed', 'x'],
    ['groups', 'x'],
    ['aggregation_sets', 'x'],
  ])('a %s of a wrong type is renamed, and the queue works again', async (name, value) => {
    await bed.ask('SET', `${Q}${name}`, value);
    expect(await repair()).toEqual({ ...NOTHING, renamedKeys: [`${Q}${name}`] });
    expect(await bed.ask('GET', `tc:{q}:aside:${name}:${sec()}`)).toBe(value);
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', maxRetries: 0 })]);
    const task = await bed.takeOne();
    expect((await bed.exchange({ finishes: [finish.archive(task)] })).finished).toEqual(['accepted']);
    expect(await bed.broker.maintain.expire(STEP)).toEqual([0]);
  });

  test('keys of ours of a wrong type are renamed, too', async () => {
    for (const name of ['due', 'scan', 'tok', 'doubts', 'st:cancelled', 'n'])
      await bed.ask('LPUSH', `tc:{q}:${name}`, 'x');
    const { renamedKeys = [] } = (await repair()) ?? {};
    expect([...renamedKeys].sort()).toEqual(
      ['doubts', 'due', 'n', 'scan', 'st:cancelled', 'tok'].map((name) => `tc:{q}:${name}`),
    );
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    expect(await bed.takeOne()).toMatchObject({ id: 'a' });
  });

  test('totals of a wrong type stop no task, and count nothing until they are renamed', async () => {
    await bed.ask('LPUSH', 'tc:{q}:n', 'x');
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.exchange({ finishes: [finish.archive(await bed.takeOne())] });
    const facts = async () => (await bed.broker.inspect.queueFacts(['q']))[0];
    expect(await facts()).toMatchObject({
      failed: 1,
      totals: { enqueued: 0, started: 0, failed: 1, archived: 0 },
    });
    await repair();
    await bed.broker.submit.enqueue([aTask({ id: 'b', queue: 'q' })]);
    expect(await facts()).toMatchObject({ totals: { enqueued: 1, started: 0, failed: 1 } });
  });

  test('the counters of anomalies are renamed before the keys that they count', async () => {
    const keys = [`${Q}pending`, `${Q}lease`, `${Q}groups`, 'tc:{q}:biz', 'tc:{q}:odd', 'tc:{q}:tok'];
    for (const key of keys) await bed.ask('XADD', key, '1-1', 'was', key);
    const { renamedKeys = [] } = (await repair()) ?? {};
    expect([...renamedKeys].sort()).toEqual([...keys].sort());
    expect(await bed.ask('XRANGE', `tc:{q}:aside:odd:${sec()}`, '-', '+')).toEqual([
      ['1-1', ['was', 'tc:{q}:odd']],
    ]);
    expect(await bed.ask('HGETALL', 'tc:{q}:odd')).toEqual(['aside', String(keys.length)]);
  });

  test('the archive is trimmed to what Asynq keeps, in steps', async () => {
    const old = (prefix: string, count: number, score: number) =>
      bed.ask(
        'EVAL',
        `for i = 1, ${count} do redis.call('ZADD', KEYS[1], ${score} + i, '${prefix}' .. i)
         redis.call('HSET', KEYS[2] .. '${prefix}' .. i, 'msg', '', 'state', 'archived') end`,
        2,
        `${Q}archived`,
        `${Q}t:`,
      );
    await old('old', 300, sec() - 90 * 86_400 - 1_000);
    await old('new', 10_009, sec() - 50_000);
    const step = [{ queue: 'q', limit: 256 }];
    expect(await bed.broker.maintain.expire(step)).toEqual([256]);
    expect(await bed.broker.maintain.expire(step)).toEqual([54]);
    expect(await bed.broker.maintain.expire(step)).toEqual([0]);
    expect(await bed.ask('ZCARD', `${Q}archived`)).toBe(9_999);
    expect(await bed.ask('EXISTS', `${Q}t:old300`, `${Q}t:new10`, `${Q}t:new11`)).toBe(1);
  });
});
