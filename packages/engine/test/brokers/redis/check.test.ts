import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import { fsck, type FsckReport } from '../../../src/control/fsck.ts';
import { aTask, finish, manyTasks } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const Q = 'asynq:{q}:';
const TC = 'tc:{q}:';
const STEP = [{ queue: 'q', limit: 256 }];
const HOUR_MS = 3_600_000;

describe.skipIf(!hasRedis())('fsck', () => {
  const bed = redisBed();
  const sec = (): number => Math.floor(bed.now() / 1_000);
  const report = (): Promise<FsckReport> => fsck(bed.broker, { pause: 0 });
  const repair = (): Promise<FsckReport> => fsck(bed.broker, { pause: 0, repair: true });
  const enqueue = (id: string, options: Parameters<typeof aTask>[0] = {}) =>
    bed.broker.submit.enqueue([aTask({ id, queue: 'q', retentionMs: HOUR_MS, ...options })]);

  /** Runs recoverer, forwarder and a worker until nothing is left to do; returns the IDs that ran. */
  async function drain(): Promise<string[]> {
    const ran: string[] = [];
    for (let i = 0; i < 60; i += 1) {
      const [recovered] = await bed.broker.maintain.recover(STEP, POISON_LIMITS);
      for (const task of recovered?.orphans ?? [])
        await bed.exchange({ finishes: [finish.retry(task, 0)], room: 0 });
      await bed.broker.maintain.forward(STEP);
      const { tasks } = await bed.exchange();
      ran.push(...tasks.map(({ id }) => id));
      await bed.exchange({ finishes: tasks.map((task) => finish.succeeded(task)), room: 0 });
      bed.advance(700);
    }
    return ran.sort();
  }

  /** The fault is reported and nothing is changed; then it is repaired; then there is no fault. */
  async function expectRepaired(fault: object, done: string | RegExp): Promise<void> {
    const before = await bed.ask('DEBUG', 'DIGEST');
    const reported = await report();
    expect(reported).toMatchObject({ findings: [{ ...fault, done: null }], remaining: 1, mended: 0 });
    expect(await bed.ask('DEBUG', 'DIGEST')).toBe(before);
    const repaired = await repair();
    expect(repaired).toMatchObject({ findings: [fault], remaining: 0, mended: 1 });
    expect(repaired.findings[0]?.done).toMatch(done);
    expect(await report()).toMatchObject({ findings: [] });
  }

  describe('finds and repairs a task', () => {
    test('that is pending, yet in no list', async () => {
      await enqueue('a');
      await bed.ask('DEL', `${Q}pending`);
      await expectRepaired({ queue: 'q', what: 'task', name: 'a', kind: 'orphan' }, 'next to run');
      expect(await drain()).toEqual(['a']);
    });

    test('that is active, yet in no list', async () => {
      await enqueue('a');
      await bed.takeOne();
      await bed.ask('DEL', `${Q}active`, `${Q}lease`);
      await expectRepaired({ kind: 'orphan', name: 'a' }, /back into active, given to the recoverer/);
      expect(await drain()).toEqual(['a']);
    });

    test('that is active without a lease', async () => {
      await enqueue('a');
      await bed.takeOne();
      await bed.ask('DEL', `${Q}lease`);
      await expectRepaired({ kind: 'orphan', found: 'active without a lease' }, 'given to the recoverer');
      expect(await drain()).toEqual(['a']);
    });

    test.each(['scheduled', 'retry'])('that is %s, yet in no set: it keeps its time', async (state) => {
      await enqueue('a', state === 'scheduled' ? { delayMs: 5_000 } : {});
      if (state === 'retry')
        await bed.exchange({ finishes: [finish.retry(await bed.takeOne(), 5_000)], room: 0 });
      await bed.ask('DEL', `${Q}${state}`, `${TC}due`);
      await expectRepaired({ kind: 'orphan', name: 'a' }, `put back into ${state}`);
      bed.advance(4_999);
      expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 0 }]);
      bed.advance(1);
      expect(await drain()).toEqual(['a']);
    });

    test('of a Go client that is scheduled, yet in no set: it is due now', async () => {
      await enqueue('a', { delayMs: 5_000 });
      await bed.ask('HDEL', `${Q}t:a`, 'tc:d');
      await bed.ask('DEL', `${Q}scheduled`, `${TC}due`);
      await expectRepaired({ kind: 'orphan', name: 'a' }, 'put back into scheduled');
      expect(await drain()).toEqual(['a']);
    });

    test('that is finished, yet in no set: it can be inspected again', async () => {
      await bed.broker.submit.enqueue(manyTasks(3, 't', { queue: 'q', retentionMs: HOUR_MS }));
      const [one, two] = (await bed.exchange({ room: 2 })).tasks;
      await bed.exchange({ finishes: [finish.succeeded(one!), finish.archive(two!)], room: 0 });
      await bed.broker.control.cancel({ queue: 'q', id: 't2' }, {});
      await bed.ask('DEL', `${Q}completed`, `${Q}archived`, `${TC}st:cancelled`);
      expect(await report()).toMatchObject({ remaining: 3, mended: 0 });
      expect(await repair()).toMatchObject({ remaining: 0, mended: 3 });
      expect(await report()).toMatchObject({ findings: [] });
      const [facts] = await bed.broker.inspect.queueFacts(['q']);
      expect(facts?.counts).toMatchObject({ completed: 1, archived: 1, cancelled: 1, pending: 0 });
    });

    test('that is aggregating, yet in no group', async () => {
      await enqueue('a', { group: 'g' });
      await bed.ask('DEL', `${Q}g:g`, `${Q}groups`);
      await expectRepaired({ kind: 'orphan', name: 'a' }, 'put back into its group');
      expect(await bed.broker.inspect.groups('q')).toEqual([{ group: 'g', size: 1 }]);
    });

    test('of an unknown state', async () => {
      await enqueue('a');
      await bed.ask('DEL', `${Q}pending`);
      await bed.ask('HSET', `${Q}t:a`, 'state', 'nonsense');
      await expectRepaired({ kind: 'orphan', name: 'a' }, 'archived');
      expect(await bed.broker.inspect.task({ queue: 'q', id: 'a' })).toMatchObject({ state: 'archived' });
    });

    test('that is in a list and a set: the one of its state keeps it', async () => {
      await enqueue('a', { delayMs: 5_000 });
      await bed.ask('LPUSH', `${Q}pending`, 'a');
      await expectRepaired(
        { kind: 'double', found: 'state scheduled, is in pending, scheduled' },
        'kept in scheduled only',
      );
      expect(await bed.ask('EXISTS', `${Q}pending`)).toBe(0);
    });

    test('that is in a list twice', async () => {
      await bed.broker.submit.enqueue(manyTasks(600, 't', { queue: 'q' }));
      await bed.ask('RPUSH', `${Q}pending`, 't300');
      await expectRepaired({ kind: 'double', name: 't300' }, 'kept in pending only');
      expect(await bed.ask('LLEN', `${Q}pending`)).toBe(600);
      expect(await drain()).toHaveLength(600);
    });

    test('that is in a list and a set, neither that of its state', async () => {
      await enqueue('a');
      await bed.ask('HSET', `${Q}t:a`, 'state', 'active');
      await bed.ask('ZADD', `${Q}retry`, sec(), 'a');
      await expectRepaired({ kind: 'double' }, 'kept in pending only');
      expect(await drain()).toEqual(['a']);
    });

    test('whose state is not that of its list: the list wins, as Go reads only that', async () => {
      await enqueue('a');
      await bed.ask('HSET', `${Q}t:a`, 'state', 'completed');
      await expectRepaired({ kind: 'mismatch', found: 'state completed, is in pending' }, 'kept in pending');
      expect(await drain()).toEqual(['a']);
    });

    test('that waits, yet is leased', async () => {
      await enqueue('a');
      await bed.ask('ZADD', `${Q}lease`, sec() + 100, 'a');
      await expectRepaired({ kind: 'ghost', found: 'leased, yet pending' }, 'lease was removed');
      expect(await drain()).toEqual(['a']);
    });
  });

  describe('finds and drops', () => {
    test.each(['pending', 'active', 'scheduled', 'retry', 'archived', 'completed', 'lease'])(
      'an ID without a task in %s',
      async (name) => {
        await enqueue('other');
        if (name === 'pending' || name === 'active') await bed.ask('LPUSH', Q + name, 'ghost');
        else await bed.ask('ZADD', Q + name, sec() + 100, 'ghost');
        await expectRepaired({ kind: 'ghost', what: 'task', name: 'ghost' }, 'dropped');
        expect(await bed.broker.inspect.queueFacts(['q'])).toMatchObject([{ anomalies: { dropped: 1 } }]);
        expect(await drain()).toEqual(['other']);
      },
    );

    test('a task whose message is gone, with its lock', async () => {
      await enqueue('a', { uniqueMs: HOUR_MS });
      await bed.ask('HDEL', `${Q}t:a`, 'msg');
      expect(await report()).toMatchObject({ remaining: 2 });
      await repair();
      expect(await report()).toMatchObject({ findings: [] });
      expect(await bed.ask('KEYS', `${Q}*`)).toEqual([]);
    });

    test.each(['due', 'st:cancelled'])('an entry in %s without a task', async (name) => {
      await enqueue('a');
      await bed.ask('ZADD', TC + name, sec(), 'gone');
      await expectRepaired({ kind: 'leak', name: 'gone' }, 'dropped');
    });

    test.each(['due', 'st:cancelled'])('an entry in %s that does not fit its task', async (name) => {
      await enqueue('a');
      await bed.ask('ZADD', TC + name, sec(), 'a');
      await expectRepaired({ kind: 'leak', name: 'a' }, 'the index entry was removed');
      expect(await drain()).toEqual(['a']);
    });
  });

  describe('finds', () => {
    test('a lock whose task does not exist or is completed, and no other one', async () => {
      await enqueue('waits', { uniqueMs: HOUR_MS, type: 'waits' });
      await enqueue('dead', { uniqueMs: HOUR_MS, type: 'dead' });
      await enqueue('gone', { uniqueMs: HOUR_MS, type: 'gone' });
      await enqueue('done', { uniqueMs: HOUR_MS, type: 'done' });
      const { tasks } = await bed.exchange();
      const by = (id: string) => tasks.find((task) => task.id === id)!;
      await bed.exchange({ finishes: [finish.archive(by('dead')), finish.requeue(by('waits'))], room: 0 });
      const locks = (await bed.ask('KEYS', `${Q}unique:*`)) as string[];
      for (const key of locks)
        await bed.ask('SET', key.replace('unique:', 'kept:'), (await bed.ask('GET', key)) as string);
      await bed.exchange({ finishes: [finish.succeeded(by('done')), finish.succeeded(by('gone'))], room: 0 });
      await bed.broker.control.remove({ queue: 'q', id: 'gone' });
      for (const key of locks) await bed.ask('RENAME', key.replace('unique:', 'kept:'), key);
      const reported = await report();
      expect(reported.findings.map(({ kind, what, found }) => `${kind} ${what}: ${found}`).sort()).toEqual([
        'leak lock: its task done is completed',
        'leak lock: its task gone does not exist',
      ]);
      expect(await repair()).toMatchObject({ mended: 2, remaining: 0 });
      expect(await bed.ask('KEYS', `${Q}unique:*`)).toHaveLength(2);
      expect(
        await bed.broker.submit.enqueue([aTask({ queue: 'q', type: 'gone', uniqueMs: 1_000 })]),
      ).toMatchObject([{ code: 'created' }]);
    });

    test('a group that is not in the set of groups', async () => {
      await enqueue('a', { group: 'g' });
      await bed.ask('DEL', `${Q}groups`);
      await expectRepaired({ kind: 'leak', what: 'group', name: `${Q}g:g` }, 'added to groups');
      expect(await bed.broker.inspect.groups('q')).toEqual([{ group: 'g', size: 1 }]);
    });

    test.each(['pending', 'lease', 'completed', 'groups'])('a %s of a wrong type', async (name) => {
      await enqueue('a', { delayMs: 1_000 });
      await bed.ask('SET', Q + name, 'x');
      await expectRepaired({ kind: 'type', what: 'key', name: Q + name }, 'renamed');
      expect(await bed.ask('GET', `${TC}aside:${name}:${sec()}`)).toBe('x');
    });

    test('a task, a lock and a group of a wrong type', async () => {
      await enqueue('a');
      for (const name of ['t:b', 'unique:x:', 'g:y']) await bed.ask('LPUSH', Q + name, 'x');
      const reported = await report();
      expect(reported.findings.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
        `type ${Q}g:y`,
        `type ${Q}unique:x:`,
        'type b',
      ]);
      expect(await repair()).toMatchObject({ mended: 3, remaining: 0 });
      expect(await report()).toMatchObject({ findings: [] });
      expect(await drain()).toEqual(['a']);
    });

    test.each(['processed', 'failed'])('a counter %s that is no integer', async (name) => {
      await enqueue('a');
      await bed.ask('SET', Q + name, 'many');
      await expectRepaired({ kind: 'counter', what: 'key', found: 'it is not an integer' }, 'renamed');
      expect(await drain()).toEqual(['a']);
    });

    test('a total that is no integer', async () => {
      await enqueue('a');
      await bed.ask('HSET', `${TC}n`, 'enqueued', 'many', 'started', 3);
      await expectRepaired({ kind: 'counter', what: 'key', found: 'it is not an integer' }, 'renamed');
      expect(await bed.ask('HGET', `${TC}aside:n:${sec()}`, 'started')).toBe('3');
      expect(await drain()).toEqual(['a']);
    });

    test('faults of a queue whose name looks like a pattern, and none of other queues', async () => {
      const options = { queue: 'q*' };
      await enqueue('a', options);
      await bed.ask('DEL', 'asynq:{q*}:pending');
      await enqueue('b');
      await bed.ask('DEL', `${Q}pending`);
      expect(await fsck(bed.broker, { queues: ['q*'], pause: 0 })).toMatchObject({
        findings: [{ queue: 'q*', name: 'a' }],
      });
    });
  });

  test('does not report a fault that another process repairs meanwhile', async () => {
    await enqueue('a');
    await enqueue('b');
    await bed.ask('LREM', `${Q}pending`, 1, 'a');
    await bed.ask('LREM', `${Q}pending`, 1, 'b');
    const clock = {
      wallMs: () => 0,
      monotonicMs: () => 0,
      sleep: async () => void (await bed.ask('LPUSH', `${Q}pending`, 'a')),
    };
    expect(await fsck(bed.broker, { clock })).toMatchObject({ findings: [{ name: 'b' }] });
  });

  test('does not report a task whose fault has changed after the pause: it is still moving', async () => {
    await enqueue('a');
    await bed.ask('DEL', `${Q}pending`);
    const sleep = async () => {
      await bed.ask('LPUSH', `${Q}pending`, 'a');
      await bed.ask('ZADD', `${Q}lease`, sec() + 100, 'a');
    };
    const clock = { wallMs: () => 0, monotonicMs: () => 0, sleep };
    expect(await fsck(bed.broker, { clock })).toMatchObject({ findings: [] });
    expect(await report()).toMatchObject({ findings: [{ kind: 'ghost' }] });
  });

  test('changes nothing that is no longer wrong', async () => {
    await enqueue('a', { uniqueMs: HOUR_MS });
    await enqueue('b', { group: 'g' });
    await bed.ask('SET', `${Q}processed`, '5');
    const [lock = ''] = (await bed.ask('KEYS', `${Q}unique:*`)) as string[];
    const candidates = [
      { what: 'task', name: 'a', at: `${Q}pending` },
      { what: 'task', name: 'never', at: `${Q}pending` },
      { what: 'lock', name: lock, at: '' },
      { what: 'lock', name: `${Q}unique:gone:`, at: '' },
      { what: 'group', name: `${Q}g:g`, at: '' },
      { what: 'group', name: `${Q}g:none`, at: '' },
      { what: 'key', name: `${Q}pending`, at: '' },
      { what: 'key', name: `${Q}processed`, at: '' },
    ];
    const before = await bed.ask('DEBUG', 'DIGEST');
    expect(await bed.broker.check.examine('q', candidates, true)).toEqual(candidates.map(() => null));
    expect(await bed.ask('DEBUG', 'DIGEST')).toBe(before);
  });

  test('reports a mark of a cancelled task with another time than the task as a leak', async () => {
    await enqueue('a');
    await bed.broker.control.cancel({ queue: 'q', id: 'a' }, {});
    await bed.ask('ZADD', `${TC}st:cancelled`, sec(), 'a');
    await expectRepaired({ kind: 'leak', name: 'a' }, 'the index entry was removed');
  });

  test('finds thousands of faults among thousands of valid tasks in bounded steps', async () => {
    await bed.broker.submit.enqueue(manyTasks(3_000, 'good', { queue: 'q' }));
    await bed.broker.submit.enqueue(manyTasks(2_500, 'lost', { queue: 'q', delayMs: 1_000 }));
    await bed.ask('DEL', `${Q}scheduled`, `${TC}due`);
    expect(await report()).toMatchObject({ remaining: 2_500, more: false });
    expect(await repair()).toMatchObject({ remaining: 0, mended: 2_500 });
    expect(await report()).toMatchObject({ findings: [] });
    bed.advance(1_000);
    expect(await drain()).toHaveLength(5_500);
  });
});
