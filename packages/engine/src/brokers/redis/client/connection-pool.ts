import type { Runtime } from '../../../runtime/runtime.ts';
import type { Topology } from './topology/topology.ts';
import { ReconnectingConnection } from './reconnecting-connection.ts';

export interface ConnectionPoolDeps {
  readonly topology: Topology;
  readonly runtime: Runtime;
  /** Whether anybody still waits for a connection. */
  isWanted(): boolean;
  onUp(place: string): void;
  onDown(place: string): void;
  /** Servers have come or gone, or what they have. */
  onChange(): void;
  onInvalidate(key: string | null): void;
}

/** A connection to each server whose keys somebody wants. */
export class ConnectionPool {
  readonly #deps: ConnectionPoolDeps;
  readonly #byNode = new Map<string, ReconnectingConnection>();
  #closed = false;

  constructor(deps: ConnectionPoolDeps) {
    this.#deps = deps;
    deps.topology.onChange(() => this.#changed());
  }

  /** To the key's server (null: to any, always the same); null while there is none. */
  of(key: string | null): ReconnectingConnection | null {
    const place = this.#deps.topology.nodeOf(key);
    return place === null ? null : (this.#byNode.get(place) ?? null);
  }

  /** Connects to the key's server, as soon as it is known. */
  connect(key: string | null): void {
    const { topology } = this.#deps;
    if (this.#closed) return;
    topology.watch();
    const place = topology.nodeOf(key);
    if (place === null) return void topology.refresh().catch(() => {});
    this.#to(place).connect();
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#byNode.values()) connection.close();
  }

  #to(node: string): ReconnectingConnection {
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

  #changed(): void {
    if (this.#closed) return;
    const places = new Set(this.#deps.topology.nodes());
    for (const [place, connection] of this.#byNode) {
      if (places.has(place)) continue;
      this.#byNode.delete(place);
      connection.close();
    }
    this.#deps.onChange();
  }
}
