import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connect } from '../../src/connect.ts';
import { expectKept, Load, moreThan } from '../support/load.ts';
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
