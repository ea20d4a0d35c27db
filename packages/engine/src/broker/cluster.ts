/** A server of a cluster, as it calls itself. */
export interface ClusterNode {
  readonly id: string;
  /** `host:port` */
  readonly address: string;
}

/** What a broker that is a cluster knows of itself. */
export interface ClusterView {
  /** The slot that a queue lies in, 0 to 16383. */
  keySlot(queue: string): Promise<number>;
  /** The servers that have the queue's slot, the master first; empty while nobody has it. */
  nodes(queue: string): Promise<ClusterNode[]>;
  /** The cluster's own figures by name, such as `cluster_state`. */
  info(): Promise<Readonly<Record<string, string>>>;
}
