import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { connect } from '../../src/connect.ts';
import { slotOf } from '../../src/brokers/redis/client/topology/slots.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { aTask } from '../support/factories.ts';
import { expectKept, Load, waitForAcknowledged } from '../support/load.ts';
import { startCluster, type ClusterNode, type RedisCluster } from '../support/redis-cluster.ts';
import { hasRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const slotOfQueue = (queue: string): number => slotOf(`asynq:{${queue}}:pending`);

describe.skipIf(!hasRedis())('in a cluster of three masters', () => {
  let cluster: RedisCluster;
  let broker: Broker;
  let load: Load | undefined;
  /** Queues, one on each master at first. */
  let queues: string[];

  const after = (node: ClusterNode): ClusterNode =>
    cluster.nodes[(cluster.nodes.indexOf(node) + 1) % cluster.nodes.length] as ClusterNode;

  /** How often nodes have replied with this error so far. */
  async function countReplies(error: string): Promise<number> {
    const count = new RegExp(`errorstat_${error}:count=(\\d+)`);
    let sum = 0;
    for (const { raw } of cluster.nodes) {
      sum += Number(count.exec(String(await raw.call('INFO', 'errorstats')))?.[1] ?? 0);
    }
    return sum;
  }

  /**
   * Resolves when several calls were refused because their slot's keys are on two nodes. Few calls use some slots: then it
   * resolves when other calls went on.
   */
  async function untilCallsMetMove({ acknowledged }: Load): Promise<void> {
    const [before, { size }] = [await countReplies('TRYAGAIN'), acknowledged];
    await until(
      async () => acknowledged.size >= size + 100 || (await countReplies('TRYAGAIN')) >= before + 10,
    );
  }

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());
  beforeEach(async () => {
    await cluster.flush();
    const byNode = new Map<ClusterNode, string>();
    for (let i = 0; byNode.size < cluster.nodes.length; i += 1) {
      const owner = await cluster.ownerOf(slotOfQueue(`q${i}`));
      if (!byNode.has(owner)) byNode.set(owner, `q${i}`);
    }
    queues = [...byNode.values()];
    broker = await connect(cluster.url);
  });
  afterEach(async () => {
    await load?.stop();
    load = undefined;
    await broker.close();
  });

  test('a process has two connections to each master, and one that reads the slot map', async () => {
    load = new Load(broker, { queues });
    await load.start();
    await waitForAcknowledged(load, 300);
    const counts = await Promise.all(
      cluster.nodes.map(async ({ raw }) => {
        const list = String(await raw.call('CLIENT', 'LIST'));
        return list.match(/name=task-center/g)?.length ?? 0;
      }),
    );
    expect(counts.every((count) => count >= 2 && count <= 3)).toBe(true);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(7);
    await load.stopProducing();
    await expectKept(load, broker);
  });

  test('the inspector shows slots, nodes and the state of the cluster', async () => {
    const inspector = new Inspector(broker);
    expect(await inspector.cluster.keySlot('default')).toBe(5_718);
    const owner = await cluster.ownerOf(5_718);
    expect(await inspector.cluster.nodes('default')).toEqual([
      { id: owner.id, address: `127.0.0.1:${owner.server.port}` },
    ]);
    expect(await inspector.cluster.info()).toMatchObject({ cluster_state: 'ok', cluster_size: '3' });
  });

  test('resharding under load loses nothing, and each task ends once', async () => {
    load = new Load(broker, { queues });
    await load.start();
    await waitForAcknowledged(load, 300);
    for (let round = 0; round < 3; round += 1) {
      for (const slot of [...queues.map(slotOfQueue), slotOf('asynq:queues')]) {
        const to = after(await cluster.ownerOf(slot));
        await cluster.moveSlot(slot, to, () => untilCallsMetMove(load!));
      }
      await waitForAcknowledged(load, load.acknowledged.size + 100);
    }
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.refused.size + load.doubtful.size).toBe(0);
  });

  test('a script whose slot is moving runs as a whole or not at all', async () => {
    const [queue = ''] = queues;
    const slot = slotOfQueue(queue);
    const tasks = Array.from({ length: 200 }, (_, i) => aTask({ queue, id: `t${i}` }));
    await broker.submit.enqueue(tasks);
    const take = () =>
      broker.consume.exchange({ finishes: [], queues: [queue], room: 200, leaseMs: 10_000, worker: 'w' });
    const before = await countReplies('TRYAGAIN');
    let early: Awaited<ReturnType<typeof take>> | undefined;
    let taking: ReturnType<typeof take> | undefined;
    await cluster.moveSlot(slot, after(await cluster.ownerOf(slot)), async () => {
      taking = take();
      void taking.then((outcome) => (early = outcome));
      // Until the call was refused several times.
      await until(async () => early !== undefined || (await countReplies('TRYAGAIN')) >= before + 3);
      expect(early).toBeUndefined();
    });
    expect((await taking)?.tasks.map(({ id }) => id)).toEqual(tasks.map(({ id }) => id));
  });

  test('a wait for work in a queue goes on at the node to which the queue has moved', async () => {
    const [queue = ''] = queues;
    const controller = new AbortController();
    onTestFinished(() => controller.abort());
    let woken = false;
    const work = broker.signals.waitForWork([queue], controller.signal).then(() => (woken = true));
    await broker.ping();
    const slot = slotOfQueue(queue);
    await cluster.moveSlot(slot, after(await cluster.ownerOf(slot)));
    expect(woken).toBe(false);
    const other = await connect(cluster.url);
    onTestFinished(() => other.close());
    await other.submit.enqueue([aTask({ queue })]);
    await work;
  });

  test('while a master is down the queues on the others go on; then all of them do', async () => {
    load = new Load(broker, { queues });
    await load.start();
    await waitForAcknowledged(load, 300);
    const paused = await cluster.ownerOf(slotOfQueue(queues[0] ?? ''));
    // With the default timeout the whole cluster would soon be declared down.
    await cluster.call('CONFIG', 'SET', 'cluster-node-timeout', '60000');
    onTestFinished(async () => {
      paused.server.resume();
      await cluster.call('CONFIG', 'SET', 'cluster-node-timeout', '2000');
    });
    paused.server.pause();
    const others = queues.slice(1);
    const client = new Client(broker);
    for (const queue of others) await client.enqueue('x', null, { id: queue, queue, retention: '1h' });
    await until(() => others.every((queue) => load?.runs.has(queue)));
    paused.server.resume();
    await waitForAcknowledged(load, load.acknowledged.size + 300);
    await load.stopProducing();
    await expectKept(load, broker);
  });

  test('calls to a cluster that is down end within 5 s, and succeed when it is back', async () => {
    const [first, second] = cluster.nodes;
    for (const node of [first, second]) node?.server.pause();
    const startedMs = performance.now();
    await expect(
      broker.submit.enqueue(queues.map((queue) => aTask({ queue, id: 'a' }))),
    ).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(5_500);
    for (const node of [first, second]) node?.server.resume();
    await until(async () => {
      const outcomes = await broker.submit
        .enqueue(queues.map((queue) => aTask({ queue, id: 'b' })))
        .catch(() => []);
      return outcomes.length === 3;
    }, 20_000);
  });
});
