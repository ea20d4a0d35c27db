import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { EnqueueOutcome, NewTask } from '../../../src/broker/submit.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../../src/client/client.ts';
import { manyTasks } from '../../support/factories.ts';
import { someNotStored } from '../../support/some-not-stored.ts';
import { fastClock } from '../../support/fast-clock.ts';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

const PAYLOAD = Buffer.alloc(4_096, 'x');

describe.runIf(hasRedis())('tasks that take several calls, when some of the calls fail', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  let proxy: FaultProxy;
  let broker: Broker;

  beforeEach(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
    proxy = await startFaultProxy(redis.port);
    broker = await connectRedis({ url: proxy.url, runtime: { clock: fastClock } });
  });
  afterEach(async () => {
    await broker.close();
    await proxy.close();
    raw.close();
    await redis.stop();
  });

  const exists = async (id: string) => (await raw.call('EXISTS', `asynq:{default}:t:${id}`)) === 1;

  /** The tasks by what their outcome says, after a check that it is true. */
  async function sorted(tasks: readonly NewTask[], outcomes: readonly EnqueueOutcome[]) {
    const groups: Record<string, string[]> = {};
    for (const [i, { id }] of tasks.entries()) {
      const outcome = outcomes[i]!;
      const details =
        outcome.code === 'failed' ? (outcome.error.details as { outcome?: 'not_stored' | 'unknown' }) : {};
      const group = outcome.code === 'failed' ? (details.outcome ?? outcome.error.code) : outcome.code;
      (groups[group] ??= []).push(id);
      if (group !== 'unknown') expect([id, await exists(id)]).toEqual([id, group === 'created']);
    }
    return groups;
  }

  async function fillUp(leftBytes: number): Promise<void> {
    const used = Number(/used_memory:(\d+)/.exec(String(await raw.call('INFO', 'memory')))?.[1]);
    await raw.call('CONFIG', 'SET', 'maxmemory', String(used + leftBytes));
  }

  test('while Redis gets full: each task says whether it is stored', async () => {
    await fillUp(1_048_576);
    const tasks = manyTasks(1_000, 't', { payload: PAYLOAD });
    const groups = await sorted(tasks, await broker.submit.enqueue(tasks));
    expect(groups['created']!.length).toBeGreaterThanOrEqual(100);
    expect(groups['broker-full']!.length).toBeGreaterThan(500);
    expect(Object.keys(groups)).toHaveLength(2);
  });

  test('while Redis is full from the start: nothing is stored, and the call says so', async () => {
    await fillUp(1);
    const enqueuing = broker.submit.enqueue(manyTasks(500, 't', { payload: PAYLOAD }));
    await expect(enqueuing).rejects.toMatchObject({ code: 'broker-full' });
    expect(await raw.call('EXISTS', 'asynq:{default}:pending')).toBe(0);
  });

  test('when the connection breaks in the middle and stays away: what was sent is in doubt, the rest is not stored', async () => {
    // Redis knows the script from then on: each of the 63 calls is one command, and 16 are under way at once.
    await broker.submit.enqueue(manyTasks(1, 'first'));
    let calls = 0;
    const cut = proxy.cutReply(({ name }) => name.startsWith('EVAL') && ++calls > 20);
    void cut.then(() => proxy.swallow(true));
    const tasks = manyTasks(8_000, 't');
    const groups = await sorted(tasks, await broker.submit.enqueue(tasks));
    expect(groups['created']!.length).toBeGreaterThan(0);
    expect(groups['unknown']!.length).toBeGreaterThan(0);
    expect(groups['not_stored']!.length).toBeGreaterThan(0);
    // A repeat of what is in doubt, with the same IDs, stores each of them once.
    proxy.swallow(false);
    const again = tasks.filter(({ id }) => groups['unknown']!.includes(id));
    const repeated = await broker.submit.enqueue(again);
    expect(repeated.every(({ code }) => code === 'created' || code === 'task-exists')).toBe(true);
    expect((await broker.inspect.queueFacts(['default']))[0]!.counts.pending).toBe(
      1 + groups['created']!.length + groups['unknown']!.length,
    );
  });

  test('when the queue cannot be registered: what is stored is in doubt, and a repeat registers it', async () => {
    await raw.call('SET', 'asynq:queues', 'not a set');
    const tasks = manyTasks(200, 't');
    await expect(broker.submit.enqueue(tasks)).rejects.toMatchObject({ details: { outcome: 'unknown' } });
    expect(await exists('t199')).toBe(true);
    await raw.call('DEL', 'asynq:queues');
    expect(await broker.submit.enqueue(tasks)).toContainEqual({ code: 'task-exists' });
    expect(await raw.call('SMEMBERS', 'asynq:queues')).toEqual(['default']);
  });

  test('to more queues than Redis takes calls at a time: all are stored', async () => {
    const tasks = Array.from({ length: 5_500 }, (_, i) => ({ task: 't', queue: `q${i}` }));
    // The proxy would double the time.
    const direct = await connectRedis({ url: redis.url });
    onTestFinished(() => direct.close());
    const stored = await new Client(direct).enqueueMany([...tasks, { task: 't', queue: 'q0' }]);
    expect(stored.map(({ queue }) => queue)).toEqual([...tasks.map(({ queue }) => queue), 'q0']);
    expect(await raw.call('SCARD', 'asynq:queues')).toBe(5_500);
    expect(await raw.call('LLEN', 'asynq:{q0}:pending')).toBe(2);
    expect(await raw.call('LLEN', 'asynq:{q5499}:pending')).toBe(1);
  });

  test('with the library: each task is stored or failed, with its place', async () => {
    await fillUp(1_048_576);
    const payload = 'x'.repeat(4_096);
    const tasks = Array.from({ length: 1_000 }, (_, i) => ({ task: 't', id: `t${i}`, payload }));
    const error = await someNotStored(new Client(broker).enqueueMany(tasks));
    const { stored, failed, unknown } = error.details;
    expect(failed.length).toBeGreaterThan(500);
    expect(failed.every((item) => item.error.code === 'broker-full')).toBe(true);
    expect(unknown).toEqual([]);
    const places = [...stored, ...failed].map(({ index }) => index);
    expect(places.sort((a, b) => a - b)).toEqual([...tasks.keys()]);
    for (const { index, task } of stored) expect(task.id).toBe(`t${index}`);
    for (const { index } of [stored[0]!, failed[0]!, failed.at(-1)!])
      expect(await exists(`t${index}`)).toBe(stored.some((item) => item.index === index));
  });

  test('with the library, when the connection breaks and stays away: what was sent is unknown, with its ID', async () => {
    let calls = 0;
    const cut = proxy.cutReply(({ name }) => name.startsWith('EVAL') && ++calls > 18);
    void cut.then(() => proxy.swallow(true));
    // 47 calls. At most 34 are sent before the reply is cut: 18 that have ended, and 16 under way.
    const tasks = Array.from({ length: 6_000 }, (_, i) => ({ task: 't', payload: i }));
    const { details } = await someNotStored(new Client(broker).enqueueMany(tasks));
    const { stored, failed, unknown } = details;
    expect(stored.length + failed.length + unknown.length).toBe(6_000);
    for (const group of [stored, failed, unknown]) expect(group.length).toBeGreaterThan(0);
    // With the IDs that the error gives, each of them is stored once.
    proxy.swallow(false);
    const again = unknown.map(({ index, id }) => ({ ...tasks[index]!, id }));
    const results = await new Client(broker).enqueueMany(again, { outcomes: true });
    const codes = new Set(results.map((result) => ('task' in result ? 'stored' : result.error.code)));
    expect([...codes].every((code) => code === 'stored' || code === 'task-exists')).toBe(true);
    expect((await broker.inspect.queueFacts(['default']))[0]!.counts.pending).toBe(
      stored.length + unknown.length,
    );
  });
});
