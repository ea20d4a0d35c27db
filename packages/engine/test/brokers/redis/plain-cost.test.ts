import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { finish, manyTasks } from '../../support/factories.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

/** Commands of connections and of this test. */
const NOT_OF_CALLS =
  /^(info|config|hello|client|select|ping|subscribe|script|command|role|auth|evalsha|eval)/;

describe.runIf(hasRedis())('what plain tasks cost on Redis', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  let broker: Broker;

  beforeAll(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
    broker = await connectRedis({ url: redis.url });
  });
  afterAll(async () => {
    await broker?.close();
    raw?.close();
    await redis?.stop();
  });

  /** The commands that a call makes, its script's included, by name. */
  async function commandsOf(call: () => Promise<unknown>): Promise<Record<string, number>> {
    await raw.call('CONFIG', 'RESETSTAT');
    await call();
    const stats = String(await raw.call('INFO', 'commandstats'));
    const counts = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
      .map(([, name = '', calls]) => [name, Number(calls)] as const)
      .filter(([name]) => !NOT_OF_CALLS.test(name));
    return Object.fromEntries(counts.sort(([a], [b]) => a.localeCompare(b)));
  }

  const exchange = (options: object) =>
    broker.consume.exchange({
      finishes: [],
      queues: ['default'],
      room: 0,
      leaseMs: 6_000,
      worker: 'w',
      ...options,
    });

  test('a task without result, progress, log line or waiter pays for none of them', async () => {
    await broker.submit.enqueue(manyTasks(1, 'first'));
    const { tasks: first } = await exchange({ room: 10 });
    await exchange({ finishes: first.map((task) => finish.succeeded(task)) });
    const enqueue = await commandsOf(() => broker.submit.enqueue(manyTasks(10, 't')));
    let tasks: Awaited<ReturnType<typeof exchange>>['tasks'] = [];
    const fetch = await commandsOf(async () => void ({ tasks } = await exchange({ room: 10 })));
    const renewal = await commandsOf(() => broker.consume.extend(tasks, 6_000));
    const finishes = tasks.map((task) => finish.succeeded(task));
    const end = await commandsOf(() => exchange({ finishes }));
    // One hash per task is written when it is stored, and read and written when it is taken; all else is once per call.
    expect({ enqueue, fetch, renewal, end }).toEqual({
      // One more than without counters (docs/design/data-model.md#totals): HINCRBY of the tasks stored.
      enqueue: { exists: 1, expire: 1, hget: 1, hincrby: 1, hset: 11, lpush: 1, time: 1, type: 4 },
      fetch: {
        exists: 1,
        expire: 1,
        get: 1,
        hdel: 10,
        hget: 1,
        // The same for attempts started.
        hincrby: 1,
        hmget: 10,
        hset: 11,
        lpush: 1,
        lrange: 1,
        ltrim: 1,
        set: 1,
        time: 1,
        type: 3,
        zadd: 1,
        zrem: 1,
      },
      renewal: { time: 1, zadd: 1, zmscore: 1 },
      end: {
        del: 1,
        // One more than without schedules: whether the queue has runs of some.
        exists: 2,
        expire: 1,
        hget: 1,
        hset: 1,
        incrby: 2,
        lrange: 1,
        ltrim: 1,
        time: 1,
        type: 1,
        zmscore: 1,
        zrem: 1,
      },
    });
  });
});
