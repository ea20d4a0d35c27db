import { afterAll, beforeAll, describe, expect, inject, onTestFinished } from 'vitest';
import { Client, connect, Inspector, Worker, type Broker } from '../../packages/engine/src/index.ts';
import { startCluster, type RedisCluster } from '../../packages/engine/test/support/redis-cluster.ts';
import { hasRedis } from '../../packages/engine/test/support/redis-server.ts';
import { item, until } from '../support/bed.ts';
import { startGoPeer, type GoPeer } from '../support/go-peer.ts';

const TASKS = 600;

/** Fields of Go's queue info; the names are Go's. */
interface GoQueue {
  readonly Size: number;
  readonly Completed: number;
  readonly Processed: number;
  readonly Failed: number;
}

describe('on a cluster of three masters', () => {
  let cluster: RedisCluster;
  let broker: Broker;
  /** One queue on each master. */
  let queues: string[];

  beforeAll(async () => {
    if (inject('goPeer') === null || !hasRedis()) return;
    cluster = await startCluster();
    broker = await connect(cluster.url);
    const byNode = new Map<string, string>();
    for (let i = 0; byNode.size < cluster.nodes.length; i += 1) {
      const slot = Number(await cluster.call('CLUSTER', 'KEYSLOT', `asynq:{q${i}}:pending`));
      byNode.set((await cluster.ownerOf(slot)).id, `q${i}`);
    }
    queues = [...byNode.values()];
  });
  afterAll(async () => {
    await broker?.close();
    await cluster?.stop();
  });

  const go = (): GoPeer => {
    const peer = startGoPeer(cluster.url.replace('redis-cluster://', ''));
    onTestFinished(() => peer.kill());
    return peer;
  };

  item('95 both: slot and servers of a queue are those of its pending key', async () => {
    const inspector = new Inspector(broker);
    const peer = go();
    for (const queue of [...queues, 'default', 'ä}b']) {
      const slot = Number(await cluster.call('CLUSTER', 'KEYSLOT', `asynq:{${queue}}:pending`));
      expect(await inspector.cluster.keySlot(queue)).toBe(slot);
      expect(await peer.inspect('clusterKeySlot', { queue })).toBe(slot);
      const nodes = await inspector.cluster.nodes(queue);
      expect(nodes.map(({ id }) => id)).toEqual([(await cluster.ownerOf(slot)).id]);
      expect(await peer.inspect('clusterNodes', { queue })).toEqual(nodes);
    }
  });

  item(
    '115 both: Go and we enqueue and process side by side on queues of all masters, and report the same',
    async () => {
      const [producer, server] = [go(), go()];
      const client = new Client(broker);
      const failedOnce = new Set<string>();
      const ran = new Set<string>();
      const worker = new Worker(broker, { queues, concurrency: 20 }).handle('x', ({ id }) => {
        if (id.endsWith('7') && !failedOnce.has(id)) {
          failedOnce.add(id);
          throw new Error('not yet');
        }
        ran.add(id);
      });
      onTestFinished(() => worker.stop());
      await worker.start();
      await server.serve({
        queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
        concurrency: 20,
        retryDelayMs: 500,
        brief: true,
      });
      for (let i = 0; i < TASKS; i += 1) {
        const queue = queues[i % queues.length] ?? '';
        const late = i % 10 === 0 ? 1_500 : 0;
        if (i % 2 === 0)
          await client.enqueue('x', null, { id: `t${i}`, queue, delay: `${late}ms`, retention: '1h' });
        else await producer.enqueue({ taskId: `t${i}`, queue, processInMs: late, retentionMs: 3_600_000 });
      }
      // Each side refuses an ID that the other has stored.
      await expect(producer.enqueue({ taskId: 't0', queue: queues[0] ?? '' })).rejects.toThrow(/conflict/);
      await expect(client.enqueue('x', '', { id: 't1', queue: queues[1] ?? '' })).rejects.toMatchObject({
        code: 'task-exists',
      });
      const inspector = new Inspector(broker);
      await until(async () => {
        const all = await Promise.all(queues.map((queue) => inspector.queues.get(queue)));
        return all.reduce((sum, { counts }) => sum + counts.completed, 0) === TASKS;
      }, 100);
      for (const queue of queues) {
        const ours = await inspector.queues.get(queue);
        const theirs = await producer.inspect<GoQueue>('info', { queue });
        expect(theirs).toMatchObject({
          Size: TASKS / queues.length,
          Completed: ours.counts.completed,
          Processed: ours.processed,
          Failed: ours.failed,
        });
      }
      const byGo = new Set(server.events.filter(({ event }) => event === 'ran').map(({ task }) => task));
      expect(ran.size).toBeGreaterThan(0);
      expect(byGo.size).toBeGreaterThan(0);
      expect(ran.size + byGo.size).toBe(TASKS);
    },
  );
});
