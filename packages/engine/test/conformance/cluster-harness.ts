import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { startCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { createBench, movableTime, type Harness } from './harness.ts';

/** One cluster of three masters for the whole test file. It is emptied for each bench. */
export function clusterHarness(): Harness {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());
  return {
    name: 'Redis Cluster',
    keepsSchedules: true,
    async openBench() {
      await cluster.flush();
      const time = movableTime();
      const bench = createBench(await connectRedis({ url: cluster.url, nowMs: time.now }), time);
      onTestFinished(() => bench.close());
      return bench;
    },
  };
}
