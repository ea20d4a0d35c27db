import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { slotOf } from '../../../src/brokers/redis/client/topology/slots.ts';
import { Client } from '../../../src/client/client.ts';
import { connect } from '../../../src/connect.ts';
import { aTask } from '../../support/factories.ts';
import { fastClock } from '../../support/fast-clock.ts';
import { startCluster, type RedisCluster } from '../../support/redis-cluster.ts';
import { hasRedis } from '../../support/redis-server.ts';

describe.skipIf(!hasRedis())('submissions to a cluster with a node that is down', () => {
  let cluster: RedisCluster;
  let broker: Broker;

  beforeEach(async () => {
    cluster = await startCluster(3, ['--cluster-require-full-coverage', 'no']);
    broker = await connect(cluster.url, { runtime: { clock: fastClock } });
  });
  afterEach(async () => {
    await broker?.close();
    await cluster?.stop();
  });

  test('each of several tasks says whether it is stored, and those on the other nodes are', async () => {
    const owner = await cluster.ownerOf(slotOf('asynq:queues'));
    const others = cluster.nodes.filter((node) => node !== owner);
    const [alive, dead] = [await cluster.queueOn(others[0]!), await cluster.queueOn(others[1]!)];
    await broker.submit.enqueue([alive, dead].map((queue) => aTask({ queue })));
    await others[1]!.server.stop();
    const tasks = [alive, dead, alive].map((queue) => aTask({ queue }));
    expect(await broker.submit.enqueue(tasks)).toMatchObject([
      { code: 'created' },
      { code: 'failed', error: { code: 'broker-unavailable' } },
      { code: 'created' },
    ]);
    // Submissions that share a call do not share its error.
    const client = new Client(broker);
    const [kept, lost] = await Promise.allSettled(
      [alive, dead].map((queue) => client.enqueue('t', null, { queue })),
    );
    expect([kept?.status, lost?.status]).toEqual(['fulfilled', 'rejected']);
  });

  test('tasks whose queue cannot be registered are in doubt', async () => {
    const owner = await cluster.ownerOf(slotOf('asynq:queues'));
    const alive = await cluster.queueOn(cluster.nodes.find((node) => node !== owner)!);
    await broker.ping();
    await owner.server.stop();
    const enqueuing = broker.submit.enqueue([aTask({ queue: alive, id: 'a' })]);
    await expect(enqueuing).rejects.toMatchObject({ details: { outcome: 'unknown' } });
    expect(await broker.inspect.task({ queue: alive, id: 'a' })).not.toBeNull();
  });
});
