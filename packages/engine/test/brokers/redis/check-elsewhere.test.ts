import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { slotOf } from '../../../src/brokers/redis/client/topology/slots.ts';
import { fsck } from '../../../src/control/fsck.ts';
import { aTask, manyTasks } from '../../support/factories.ts';
import { asLimitedUser, LIMITED_USER } from '../../support/limited-user.ts';
import { rawRedis } from '../../support/raw-redis.ts';
import { startCluster, type RedisCluster } from '../../support/redis-cluster.ts';
import { hasRedis, startRedis } from '../../support/redis-server.ts';

const HOUR_MS = 3_600_000;

type Ask = (...args: readonly string[]) => Promise<unknown>;

async function connect(url: string): Promise<Broker> {
  const broker = await connectRedis({ url });
  onTestFinished(() => broker.close());
  return broker;
}

/** Causes an orphan, a ghost, two leaks, and a key of a wrong type. */
async function damage(broker: Broker, ask: Ask, queue: string): Promise<void> {
  const key = (name: string) => `asynq:{${queue}}:${name}`;
  await broker.submit.enqueue([
    aTask({ queue, id: 'lost', delayMs: HOUR_MS }),
    aTask({ queue, id: 'grouped', group: 'g' }),
    aTask({ queue, id: 'valid' }),
  ]);
  await ask('DEL', key('scheduled'));
  await ask('LPUSH', key('pending'), 'ghost');
  await ask('SET', key('unique:x:'), 'nobody');
  await ask('DEL', key('groups'));
  await ask('SET', key('completed'), 'x');
}

async function expectRepaired(broker: Broker): Promise<void> {
  const kinds = ['ghost', 'leak', 'leak', 'orphan', 'type'];
  const kindsOf = ({ findings }: Awaited<ReturnType<typeof fsck>>) => findings.map(({ kind }) => kind).sort();
  expect(kindsOf(await fsck(broker, { pause: 0 }))).toEqual(kinds);
  const repaired = await fsck(broker, { pause: 0, repair: true });
  expect([kindsOf(repaired), repaired.remaining]).toEqual([kinds, 0]);
  expect(await fsck(broker, { pause: 0 })).toMatchObject({ findings: [] });
}

describe.skipIf(!hasRedis())('fsck', () => {
  test('needs only the rights of the limited user', async () => {
    const server = await startRedis({ args: LIMITED_USER });
    onTestFinished(() => server.stop());
    const raw = await rawRedis(server.port);
    onTestFinished(() => raw.close());
    const broker = await connect(asLimitedUser(server.url));
    await damage(broker, raw.call, 'q');
    await expectRepaired(broker);
  });

  test('works on a server whose memory is full', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const raw = await rawRedis(server.port);
    onTestFinished(() => raw.close());
    await damage(await connect(server.url), raw.call, 'q');
    await raw.call('CONFIG', 'SET', 'maxmemory', '1');
    const { findings } = await fsck(await connect(server.url), { pause: 0 });
    expect(findings).toHaveLength(5);
  });

  describe('on a cluster', () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await startCluster();
    });
    afterAll(() => cluster?.stop());

    // Three queues, each on a node of its own.
    test.each(['a', 'b', 'c'])('runs on the node of the queue %s', async (queue) => {
      await cluster.flush();
      const broker = await connect(cluster.url);
      await damage(broker, cluster.call, queue);
      await expectRepaired(broker);
    });

    test('waits while a queue is migrating to another node', async () => {
      await cluster.flush();
      const broker = await connect(cluster.url);
      await broker.submit.enqueue(manyTasks(400, 't', { queue: 'a' }));
      const slot = slotOf('asynq:{a}:pending');
      const owner = await cluster.ownerOf(slot);
      const other = cluster.nodes.find((node) => node !== owner)!;
      let report: ReturnType<typeof fsck> | undefined;
      await cluster.moveSlot(slot, other, () => {
        report = fsck(broker, { pause: 0, repair: true });
        return broker.ping();
      });
      expect(await report).toMatchObject({ findings: [] });
      expect(await fsck(broker, { pause: 0 })).toMatchObject({ queues: ['a'], findings: [] });
    });
  });
});
