import type { Connection } from '../connection.ts';
import type { ConnectionTarget } from '../url.ts';

/**
 * Which servers there are, and which of them has which keys. A *node* is the name of one of them: `host:port` where
 * there are several. When a node leaves the topology, its connections are closed, and its calls go to the nodes that
 * have their keys then.
 */
export interface Topology {
  /** Whether keys are spread over nodes by their slots. */
  readonly isClustered: boolean;
  /** Whether a server that has become a replica is replaced by its successor. */
  readonly hasFailover: boolean;
  /** The node that has the key (null: a node that can serve calls without a key); null while it is unknown. */
  nodeOf(key: string | null): string | null;
  /** All nodes that have keys, as far as they are known. */
  nodes(): readonly string[];
  /** How to connect to a node; called before every attempt. */
  locate(node: string, signal: AbortSignal): Promise<ConnectionTarget>;
  /** Rejects when the server behind a new connection is not the one that the node's name stands for. */
  verify(connection: Connection): Promise<void>;
  /** The node `by` replied that a slot is on the node `to`. */
  recordMove(slot: number, to: string, by: string): void;
  /** The name of the node whose address is in a reply of the node `by`. */
  nodeNameOf(address: string, by: string): string;
  /** Asks the servers again; what has changed reaches the listeners. Rejects when no server can be asked. */
  refresh(): Promise<void>;
  /** The listener is called when nodes have come or gone, or slots have moved. */
  onChange(listener: () => void): void;
  /** From now on refreshes every 2 s: for those who wait for a change of a key without asking again. */
  watch(): void;
  close(): void;
}
