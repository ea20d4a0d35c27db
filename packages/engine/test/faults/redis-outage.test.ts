import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { connect } from '../../src/connect.ts';
import { Worker } from '../../src/worker/worker.ts';
import { expectKept, Load, moreThan, until } from '../support/load.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';

describe.skipIf(!hasRedis())('a Redis that goes away under load', () => {
  let redis: RedisServer;
  let broker: Broker;
  let load: Load;

  beforeEach(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    broker = await connect(redis.url);
    load = new Load(broker);
    await load.start();
    await moreThan(load, 500);
  });

  afterEach(async () => {
    await load.stop();
    await broker.close();
    await redis.stop();
  });

  test('stopped for 20 s: calls end within 5 s with a clear error, then all goes on by itself', async () => {
    redis.pause();
    await sleep(20_000);
    redis.resume();
    await moreThan(load, load.acknowledged.size + 500);
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.doubtful.size + load.refused.size).toBeGreaterThan(0);
    expect(load.longestCallMs).toBeLessThan(5_500);
  });

  test('away for 3 s amid tasks that succeed, fail and wait: each ends as it is to', async () => {
    const worker = new Worker(broker, { queues: ['mixed'], concurrency: 5 });
    const failed = new Set<string>();
    worker.handle('ok', () => sleep(5));
    worker.handle('once', ({ id }) => {
      if (failed.has(id)) return;
      failed.add(id);
      throw new Error('the first time');
    });
    worker.handle('bad', () => Promise.reject(new Error('each time')));
    const client = new Client(broker);
    const backoff = { kind: 'fixed', delayMs: 500, jitter: 0 } as const;
    const kinds = ['ok', 'once', 'bad'];
    const common = { queue: 'mixed', retention: '1h', backoff, maxRetries: 2 } as const;
    const tasks = Array.from({ length: 90 }, (_, i) => ({
      ...common,
      task: kinds[i % 3] as string,
      delay: `${(i % 9) * 500}ms`,
    }));
    await worker.start();
    await client.enqueueMany(tasks);
    await redis.kill();
    await sleep(3_000);
    await redis.restart();
    const facts = async () => (await broker.inspect.queueFacts(['mixed']))[0]?.counts;
    await until(
      async () => ((await facts())?.completed ?? 0) + ((await facts())?.archived ?? 0) === 90,
      30_000,
    );
    expect(await facts()).toMatchObject({ completed: 60, archived: 30, pending: 0, retry: 0, active: 0 });
    await worker.stop();
    await load.stopProducing();
  });

  test('killed and started again: nothing acknowledged is lost', async () => {
    await redis.kill();
    await sleep(7_000);
    await redis.restart();
    await moreThan(load, load.acknowledged.size + 500);
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.doubtful.size + load.refused.size).toBeGreaterThan(0);
    expect(load.longestCallMs).toBeLessThan(5_500);
  });
});
