import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../src/client/client.ts';
import { aTask } from '../support/factories.ts';
import { fastClock } from '../support/fast-clock.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

describe.runIf(hasRedis())('calls to a Redis in trouble', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  let broker: Broker;

  beforeEach(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
    broker = await connectRedis({ url: redis.url });
  });
  afterEach(async () => {
    redis.resume();
    await broker.close();
    raw.close();
    await redis.stop();
  });

  /** How long a call that must fail takes, ms. */
  async function failingMs(call: Promise<unknown>): Promise<number> {
    const began = performance.now();
    await expect(call).rejects.toMatchObject({ code: 'broker-unavailable' });
    return performance.now() - began;
  }

  test('each of many submissions that come one after another ends within 5 s', async () => {
    const client = new Client(broker);
    await client.enqueue('x');
    redis.pause();
    const calls: Promise<number>[] = [];
    for (let i = 0; i < 30; i += 1) {
      calls.push(failingMs(client.enqueue('x', i)));
      // Those of one turn go out together.
      await turnOfLoop();
    }
    expect(Math.max(...(await Promise.all(calls)))).toBeLessThan(5_500);
  });

  test('more batches for one queue than it has receipts all end within 5 s', async () => {
    redis.pause();
    const calls = Array.from({ length: 40 }, () => failingMs(broker.submit.enqueue([aTask()])));
    expect(Math.max(...(await Promise.all(calls)))).toBeLessThan(5_500);
  });

  test('calls that wait for their turn in vain have surely stored nothing, and beyond 10,000 they do not even wait', async () => {
    await broker.submit.enqueue([aTask()]);
    redis.pause();
    const began = performance.now();
    const calls = Array.from({ length: 10_100 }, () =>
      broker.submit.enqueue([aTask()]).catch((error: unknown) => error),
    );
    expect(await calls.at(-1)).toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored' },
    });
    const refusedMs = performance.now() - began;
    const errors = await Promise.all(calls);
    expect(refusedMs).toBeLessThan((performance.now() - began) / 2);
    const outcomes = errors.map((error) => (error as { details: { outcome: string } }).details.outcome);
    expect(outcomes.filter((outcome) => outcome !== 'not_stored').length).toBeLessThan(200);
  });

  test('a call whose answer was lost is not called refused when its user is gone then', async () => {
    await raw.call('ACL', 'SETUSER', 'u', 'on', '>p', '~*', '&*', '+@all');
    const proxy = await startFaultProxy(redis.port);
    const { port } = new URL(proxy.url);
    const own = await connectRedis({ url: `redis://u:p@127.0.0.1:${port}`, runtime: { clock: fastClock } });
    try {
      const cut = proxy.cutReply(({ name }) => name.startsWith('EVAL'));
      const call = own.submit.enqueue([aTask({ id: 'a' })]).catch((error: unknown) => error);
      await cut;
      proxy.swallow(true);
      await raw.call('ACL', 'DELUSER', 'u');
      proxy.swallow(false);
      expect(await call).toMatchObject({ code: 'broker-unavailable', details: { outcome: 'unknown' } });
      expect(await broker.inspect.task({ queue: 'default', id: 'a' })).not.toBeNull();
      await expect(own.submit.enqueue([aTask()])).rejects.toMatchObject({ code: 'broker-refused' });
    } finally {
      await own.close();
      await proxy.close();
    }
  });

  test('a watch that lost its connection while nobody waited wakes the next who waits', async () => {
    const reads = async () => {
      const stats = String(await raw.call('INFO', 'commandstats'));
      return Number(/cmdstat_exists:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const idle = new AbortController();
    const first = broker.signals.work(['default'], idle.signal);
    await until(async () => (await reads()) >= 2);
    await raw.call('PING');
    idle.abort();
    await first;
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    // Over a new connection: by its answer, the end of the old ones has been seen.
    await broker.ping();
    const before = await reads();
    const woken = broker.signals.work(['default'], new AbortController().signal);
    await until(async () => (await reads()) >= before + 2);
    await broker.submit.enqueue([aTask()]);
    await woken;
  });
});
