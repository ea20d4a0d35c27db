import { slotOf } from '../../packages/engine/src/brokers/redis/client/topology/slots.ts';
import type { ClusterNode, RedisCluster } from '../../packages/engine/test/support/redis-cluster.ts';

export const slotOfQueue = (queue: string): number => slotOf(`asynq:{${queue}}:pending`);

/** One queue on each master, in the order of the masters. */
export async function queuesOn(cluster: RedisCluster): Promise<string[]> {
  const queues = new Map<ClusterNode, string>();
  for (let i = 0; queues.size < cluster.nodes.length; i += 1) {
    const owner = await cluster.ownerOf(slotOfQueue(`q${i}`));
    if (!queues.has(owner)) queues.set(owner, `q${i}`);
  }
  return cluster.nodes.map((node) => queues.get(node) ?? '');
}
