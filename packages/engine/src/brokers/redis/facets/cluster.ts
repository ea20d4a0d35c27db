import type { ClusterNode, ClusterView } from '../../../broker/cluster.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import type { SlotRange } from '../client/topology/slots.ts';
import type { RedisDeps } from '../deps.ts';
import { textOf } from '../scripts/reply.ts';

/** The slot and the nodes of a queue, as Asynq's inspector has them. Null without a cluster. */
export function createClusterView({ client }: RedisDeps): ClusterView | null {
  if (!client.isClustered) return null;

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
      const [, , ...nodes] = range ?? [0, 0];
      return nodes.map(([host, port, id]): ClusterNode => ({
        id: textOf(id),
        address: `${host === null ? '' : textOf(host)}:${port}`,
      }));
    },
    async info() {
      const text = textOf(await client.command(['CLUSTER', 'INFO']));
      const lines = text.split('\r\n').map((line) => line.split(':'));
      return Object.fromEntries(lines.filter((pair) => pair.length === 2)) as Record<string, string>;
    },
  };
}
