import type { Runtime } from '../../../runtime/runtime.ts';
import { ReconnectingConnection } from './reconnecting-connection.ts';
import type { Topology } from './topology/topology.ts';

export interface ConnectionPoolDeps {
  readonly topology: Topology;
  readonly runtime: Runtime;
  /** Whether anybody still waits for a connection. */
  isWanted(): boolean;
  onUp(node: string): void;
  onDown(node: string): void;
  /** Nodes have come or gone, or slots have moved between them. */
  onChange(): void;
  /** A key that was read over one of the connections changed; null = any of them may have. */
  onInvalidate(key: string | null): void;
}

/** One connection to each node whose keys somebody watches. */
export class ConnectionPool {
  readonly #deps: ConnectionPoolDeps;
  readonly #byNode = new Map<string, ReconnectingConnection>();
  #isClosed = false;

  constructor(deps: ConnectionPoolDeps) {
    this.#deps = deps;
    deps.topology.onChange(() => this.#onChange());
  }

  /** The connection to the key's node (null: to any node, always the same one); null while there is none. */
  connectionFor(key: string | null): ReconnectingConnection | null {
    const node = this.#deps.topology.nodeOf(key);
    return node === null ? null : (this.#byNode.get(node) ?? null);
  }

  /** Connects to the key's node, if it is known. If not, looks for it: `onChange` follows when it is found. */
  connect(key: string | null): void {
    const { topology } = this.#deps;
    if (this.#isClosed) return;
    topology.watch();
    const node = topology.nodeOf(key);
    if (node === null) return void topology.refresh().catch(() => {});
    this.#connectionTo(node).connect();
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#byNode.values()) connection.close();
  }

  #connectionTo(node: string): ReconnectingConnection {
    let connection = this.#byNode.get(node);
    if (connection) return connection;
    const { topology, runtime, isWanted, onUp, onDown, onInvalidate } = this.#deps;
    connection = new ReconnectingConnection({
      topology,
      node,
      runtime,
      isWanted,
      onUp: () => onUp(node),
      onDown: () => onDown(node),
      onFailed: () => void topology.refresh().catch(() => {}),
      onInvalidate,
    });
    this.#byNode.set(node, connection);
    return connection;
  }

  #onChange(): void {
    if (this.#isClosed) return;
    const nodes = new Set(this.#deps.topology.nodes());
    for (const [node, connection] of this.#byNode) {
      if (nodes.has(node)) continue;
      this.#byNode.delete(node);
      connection.close();
    }
    this.#deps.onChange();
  }
}
