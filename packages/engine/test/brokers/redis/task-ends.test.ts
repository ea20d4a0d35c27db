import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../../src/client/client.ts';
import { aTask } from '../../support/factories.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

const KEY = 'asynq:{default}:t:a';

describe.runIf(hasRedis())('a wait for the end of a task on Redis', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  let broker: Broker;
  let aborter: AbortController;

  beforeAll(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
  });
  afterAll(async () => {
    raw.close();
    await redis.stop();
  });
  beforeEach(async () => {
    await raw.call('FLUSHALL');
    broker = await connectRedis({ url: redis.url });
    aborter = new AbortController();
    await broker.submit.enqueue([aTask({ id: 'a', retentionMs: 60_000 })]);
  });
  afterEach(async () => {
    aborter.abort();
    await broker.close();
  });

  /** Reads of the connection for wake-ups so far. Nothing else here reads fields. */
  async function reads(): Promise<number> {
    const stats = String(await raw.call('INFO', 'commandstats'));
    return Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }
  const untilReads = (count: number) => expect.poll(reads, { interval: 5 }).toBeGreaterThanOrEqual(count);

  async function armed() {
    const before = await reads();
    const wait = {
      isOver: false,
      done: broker.signals
        .waitForEnd({ queue: 'default', id: 'a' }, aborter.signal)
        .then(() => void (wait.isOver = true)),
    };
    await untilReads(before + 1);
    await raw.call('PING');
    expect(wait.isOver).toBe(false);
    return wait;
  }

  test.each<[string, (raw: RawRedis) => Promise<unknown>]>([
    ['a Go worker completes it', ({ call }) => call('HSET', KEY, 'state', 'completed')],
    ['a Go worker archives it', ({ call }) => call('HSET', KEY, 'state', 'archived')],
    ['a Go tool deletes it', ({ call }) => call('DEL', KEY)],
    ['the server is emptied', ({ call }) => call('FLUSHALL')],
    ['its key expires', ({ call }) => call('PEXPIRE', KEY, '1')],
  ])('ends when %s', async (_, endTask) => {
    const wait = await armed();
    await endTask(raw);
    await wait.done;
  });

  test('goes on over changes that are no end', async () => {
    const wait = await armed();
    const before = await reads();
    await raw.call('HSET', KEY, 'state', 'active');
    await untilReads(before + 1);
    await raw.call('HSET', KEY, 'tc:p', '50');
    await untilReads(before + 2);
    await raw.call('PING');
    expect(wait.isOver).toBe(false);
  });

  test('sees an end that came while the connection was lost', async () => {
    const wait = await armed();
    const others = String(await raw.call('CLIENT', 'ID'));
    await raw.call('MULTI');
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await raw.call('HSET', KEY, 'state', 'completed');
    await raw.call('EXEC');
    await wait.done;
    expect(String(await raw.call('CLIENT', 'ID'))).toBe(others);
  });

  test('waits for a key that is no task until it is gone', async () => {
    await raw.call('SET', KEY, 'text');
    const wait = await armed();
    await raw.call('DEL', KEY);
    await wait.done;
  });

  test('leaves nothing behind that reads or keeps the connection busy', async () => {
    const wait = await armed();
    aborter.abort();
    await wait.done;
    const before = await reads();
    for (let n = 0; n < 5; n += 1) await raw.call('HSET', KEY, 'tc:p', String(n));
    await broker.ping();
    expect(await reads()).toBe(before);
  });

  test('gives the result that a Go worker has written', async () => {
    const client = new Client(broker);
    const waiting = client.enqueueAndWait('sum', { n: 1 }, { id: 'go', wait: '1m' });
    const key = 'asynq:{default}:t:go';
    await expect.poll(() => raw.call('EXISTS', key)).toBe(1);
    await raw.call('HSET', key, 'result', '{"sum":2}');
    await raw.call('HSET', key, 'state', 'completed');
    expect(await waiting).toEqual({ sum: 2 });
  });
});
