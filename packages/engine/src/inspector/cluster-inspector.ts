import type { Broker } from '../broker/broker.ts';
import type { ClusterNode } from '../broker/cluster.ts';
import * as control from '../control/index.ts';

/** Shows where a Redis Cluster keeps the queues. Other brokers refuse every call with `not-a-cluster`. */
export class ClusterInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The cluster slot that holds a queue, 0 to 16383. @throws TaskCenterError `not-a-cluster` */
  keySlot(queue: string): Promise<number> {
    return control.getClusterKeySlot(this.#broker, queue);
  }

  /** The nodes that hold a queue, the master first. @throws TaskCenterError `not-a-cluster` */
  nodes(queue: string): Promise<ClusterNode[]> {
    return control.listClusterNodes(this.#broker, queue);
  }

  /** The fields of the cluster's `CLUSTER INFO`, such as `cluster_state`. @throws TaskCenterError `not-a-cluster` */
  info(): Promise<Readonly<Record<string, string>>> {
    return control.getClusterInfo(this.#broker);
  }
}
