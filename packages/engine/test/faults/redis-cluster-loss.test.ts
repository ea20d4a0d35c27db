import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { slotOf } from '../../src/brokers/redis/topology/slots.ts';
import { connect } from '../../src/connect.ts';
import { aTask } from '../support/factories.ts';
import { startCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { hasRedis } from '../support/redis-server.ts';

describe.skipIf(!hasRedis())('in a cluster that has lost a master for good', () => {
  let cluster: RedisCluster;
  let broker: Broker;

  beforeAll(async () => {
    cluster = await startCluster(3, ['--cluster-require-full-coverage', 'no']);
    broker = await connect(cluster.url);
  });
  afterAll(async () => {
    await broker?.close();
    await cluster?.stop();
  });

  async function queueOn(node: RedisCluster['nodes'][number]): Promise<string> {
    for (let i = 0; ; i += 1) {
      const owner = await cluster.ownerOf(slotOf(`asynq:{q${i}}:pending`));
      if (owner === node) return `q${i}`;
    }
  }

  test('the queues of the others are looked after as before', async () => {
    const [first, , last] = cluster.nodes;
    const [alive, dead] = [await queueOn(first!), await queueOn(last!)];
    const tasks = [alive, dead].map((queue) => aTask({ queue, delayMs: 1 }));
    expect(await broker.submit.enqueue(tasks)).toMatchObject([{ code: 'created' }, { code: 'created' }]);
    const steps = [dead, alive].map((queue) => ({ queue, limit: 10 }));
    expect(await broker.maintain.expire(steps)).toEqual([0, 0]);
    await last!.server.stop();
    const [ofDead, ofAlive] = await broker.maintain.forward(steps);
    expect(ofDead).toEqual({ moved: 0, nextDueMs: null, nextInMs: null });
    expect(ofAlive).toMatchObject({ moved: 1 });
    const recovered = await broker.maintain.recover(steps, 3);
    expect(recovered).toEqual(steps.map(() => ({ recovered: 0, archived: 0, orphans: [] })));
    const nobody = broker.maintain.forward([{ queue: dead, limit: 10 }]);
    await expect(nobody).rejects.toMatchObject({ code: 'broker-unavailable' });
  });
});
