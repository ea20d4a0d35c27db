/** The processes that work on a broker, and the nodes of a cluster. */
import type { Broker } from '../broker/broker.ts';
import type { ClusterNode, ClusterView } from '../broker/cluster.ts';
import type { ServerRecord } from '../broker/presence.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { checkStoredQueue, facetsOf } from './arguments.ts';

/** The workers that run now, sorted by host and process; at most 1,000. */
export async function listServers(broker: Broker): Promise<ServerRecord[]> {
  const servers = await facetsOf(broker, 'presence').presence.servers();
  return servers.sort((a, b) => {
    if (a.host !== b.host) return a.host < b.host ? -1 : 1;
    return a.pid - b.pid || (a.id < b.id ? -1 : 1);
  });
}

/** @throws TaskCenterError `invalid-value`, `not-a-cluster` */
function requireCluster(broker: Broker): ClusterView {
  // `cluster` is null in most brokers, so another facet must tell that this is one.
  facetsOf(broker, 'inspect');
  const { cluster, name } = broker;
  if (cluster) return cluster;
  throw new TaskCenterError('not-a-cluster', { broker: name });
}

/** The cluster slot that holds a queue, 0 to 16383. @throws TaskCenterError `not-a-cluster` */
export async function getClusterKeySlot(broker: Broker, queue: string): Promise<number> {
  checkStoredQueue(queue);
  return requireCluster(broker).keySlot(queue);
}

/** The nodes that hold a queue, the master first. @throws TaskCenterError `not-a-cluster` */
export async function listClusterNodes(broker: Broker, queue: string): Promise<ClusterNode[]> {
  checkStoredQueue(queue);
  return requireCluster(broker).nodes(queue);
}

/** The fields of `CLUSTER INFO`. @throws TaskCenterError `not-a-cluster` */
export async function getClusterInfo(broker: Broker): Promise<Readonly<Record<string, string>>> {
  return requireCluster(broker).info();
}
