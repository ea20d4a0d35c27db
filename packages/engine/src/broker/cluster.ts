/** A node of a Redis Cluster. */
export interface ClusterNode {
  /** The node's ID in the cluster. */
  readonly id: string;
  /** `host:port` */
  readonly address: string;
}

/** What a Redis Cluster knows about itself, for people. */
export interface ClusterView {
  /** The hash slot of a queue's keys, 0 to 16383. */
  keySlot(queue: string): Promise<number>;
  /** The nodes that serve the queue's slot, the master first. Empty while no node does. */
  nodes(queue: string): Promise<ClusterNode[]>;
  /** The fields of `CLUSTER INFO` by name, such as `cluster_state`. */
  info(): Promise<Readonly<Record<string, string>>>;
}
