import { describe, expect, test } from 'vitest';
import { aTask } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const NAMES = Array.from({ length: 1_024 }, (_, i) => `q${i}`);

describe.skipIf(!hasRedis())('calls over 1,024 idle queues', () => {
  const bed = redisBed();

  /** Commands that an action sends, by name; those of scripts are not counted apart. */
  async function commandsOf(action: () => Promise<unknown>): Promise<Record<string, number>> {
    // The text of a script goes out once per connection; from then on it is `evalsha`.
    await action();
    await bed.ask('CONFIG', 'RESETSTAT');
    await action();
    const stats = String(await bed.ask('INFO', 'commandstats'));
    const calls = stats.matchAll(/cmdstat_(evalsha|eval|exists|smembers):calls=(\d+)/g);
    return Object.fromEntries([...calls].map(([, name = '', count]) => [name, Number(count)]));
  }

  test('take a command for each 256 of them, or each 128 where figures are read', async () => {
    await bed.broker.submit.enqueue([aTask({ queue: 'q1', delayMs: 3_600_000 })]);
    const { maintain, inspect } = bed.broker;
    expect((await commandsOf(() => maintain.survey(NAMES)))['evalsha']).toBe(4);
    expect((await commandsOf(() => maintain.findUntidy(NAMES)))['evalsha']).toBe(4);
    expect((await commandsOf(() => inspect.queueFacts(NAMES)))['evalsha']).toBe(8);
    expect((await commandsOf(() => inspect.find(NAMES, 'x', { any: true })))['evalsha']).toBe(8);
    expect(await commandsOf(() => bed.exchange({ queues: NAMES }))).toEqual({ exists: 4 });
  });

  test('take a second command for those that have a task', async () => {
    const submit = (n: number) => bed.broker.submit.enqueue([aTask({ id: `t${n}`, queue: 'q300' })]);
    await submit(1);
    await bed.exchange({ queues: NAMES });
    await submit(2);
    await bed.ask('CONFIG', 'RESETSTAT');
    const { tasks } = await bed.exchange({ queues: NAMES });
    expect(tasks.map(({ id }) => id)).toEqual(['t2']);
    const stats = String(await bed.ask('INFO', 'commandstats'));
    expect(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]).toBe('2');
  });

  test.each([
    'lease',
    'scheduled',
    'retry',
    'completed',
    'archived',
    'aggregation_sets',
    'pending',
    'active',
  ])('find a queue whose key %s has a wrong type, for the janitor to rename', async (key) => {
    await bed.ask('SET', `asynq:{q700}:${key}`, 'foreign');
    const surveyed = await bed.broker.maintain.survey(NAMES);
    const untidy = new Set(await bed.broker.maintain.findUntidy(NAMES));
    const found = NAMES.filter((name, i) => surveyed[i]?.isUntidy || untidy.has(name));
    expect(found).toEqual(['q700']);
    await bed.broker.maintain.repair([{ queue: 'q700', limit: 256 }]);
    expect(await bed.ask('EXISTS', `asynq:{q700}:${key}`)).toBe(0);
  });

  test('find a task that is active without a lease, for the janitor to repair', async () => {
    await bed.ask('LPUSH', 'asynq:{q700}:active', 'lost');
    expect(await bed.broker.maintain.findUntidy(NAMES)).toEqual(['q700']);
  });

  test('find a queue with a request to cancel a running task, for the janitor to look through', async () => {
    await bed.ask('ZADD', 'tc:{q700}:st:cancelling', 1, 'running');
    expect(await bed.broker.maintain.findUntidy(NAMES)).toEqual(['q700']);
  });

  test('search a queue with very many businesses in a call that takes few others', async () => {
    const businesses = Array.from({ length: 10_000 }, (_, i) => `b${i}`);
    for (const queue of ['q2', 'q3', 'q4']) await bed.ask('SADD', `tc:{${queue}}:biz`, ...businesses);
    await bed.broker.submit.enqueue([aTask({ id: 'x', queue: 'q9' })]);
    const find = () => bed.broker.inspect.find(NAMES.slice(0, 20), 'x', { any: true });
    expect((await commandsOf(find))['evalsha']).toBe(2);
    expect(await find()).toMatchObject([{ queue: 'q9', id: 'x' }]);
  });
});
