// What a cluster says about itself, for people. The client's own slot map (client/topology/cluster.ts) is not used: it has
// neither replicas nor node IDs, and may be some seconds old.
import type { ClusterNode, ClusterView } from '../../../broker/cluster.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import type { SlotRange } from '../client/topology/slots.ts';
import type { RedisDeps } from '../deps.ts';
import { textOf } from '../scripts/reply.ts';

/** The slot and the nodes of a queue, as Asynq's inspector has them. Null without a cluster. */
export function createClusterView({ client }: RedisDeps): ClusterView | null {
  if (!client.isClustered) return null;

  // All keys of a queue have the same hash tag, so any of them tells the slot.
  const keySlot = async (queue: string): Promise<number> =>
    Number(await client.command(['CLUSTER', 'KEYSLOT', pendingKey(queue)]));

  return {
    keySlot,
    async nodes(queue) {
      const [slot, ranges] = await Promise.all([
        keySlot(queue),
        client.command(['CLUSTER', 'SLOTS']) as Promise<readonly SlotRange[]>,
      ]);
      const range = ranges.find(([start, end]) => start <= slot && slot <= end);
      // No range = no node serves the slot at present.
      const [, , ...nodes] = range ?? [0, 0];
      return nodes.map(([host, port, id]): ClusterNode => ({
        id: textOf(id),
        address: `${host === null ? '' : textOf(host)}:${port}`,
      }));
    },
    async info() {
      const text = textOf(await client.command(['CLUSTER', 'INFO']));
      // Lines such as `cluster_state:ok`.
      const lines = text.split('\r\n').map((line) => line.split(':'));
      return Object.fromEntries(lines.filter((pair) => pair.length === 2)) as Record<string, string>;
    },
  };
}
