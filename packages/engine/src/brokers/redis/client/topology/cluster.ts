import type { Timer } from '../../../../runtime/clock.ts';
import type { Runtime } from '../../../../runtime/runtime.ts';
import { ErrorReply } from '../error-replies.ts';
import { Connection } from '../connection.ts';
import { addressText, type Address, type ConnectionTarget, type RedisTarget } from '../url.ts';
import { slotOf, SLOTS, type SlotRange } from './slots.ts';
import type { Topology } from './topology.ts';

/** Pause between refreshes once somebody watches. */
const SLOTS_REFRESH_MS = 2_000;

/** Parses `host:port`. Without a host, which a node may not know, it is that of the node that replied. */
function parseNodeAddress(text: string, by: string): Address {
  const colon = text.lastIndexOf(':');
  const hostOfBy = by.slice(0, by.lastIndexOf(':'));
  const host = (text.slice(0, colon) || hostOfBy).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(text.slice(colon + 1)) };
}

/** One node's view of the cluster. */
interface SlotMap {
  /** The node that replied. */
  readonly node: string;
  readonly ranges: readonly SlotRange[];
  /** False = the node is cut off from the majority, so its view may be old. */
  readonly isCurrent: boolean;
}

/** Whether a node is in touch with the majority of the masters. */
async function isInTouch(connection: Connection): Promise<boolean> {
  try {
    return !String(await connection.send(['CLUSTER', 'INFO'])).includes('cluster_state:fail');
  } catch (error) {
    // Without the right to CLUSTER INFO the node has to be believed.
    if (error instanceof ErrorReply) return true;
    throw error;
  }
}

/**
 * The slot map of a cluster. It is read when it is needed first, when a reply shows that it is old, and every 2 s once
 * somebody watches.
 */
export class ClusterTopology implements Topology {
  readonly isClustered = true;
  readonly hasFailover = false;
  readonly #target: RedisTarget;
  readonly #runtime: Runtime;
  readonly #closing = new AbortController();
  /** By node. */
  readonly #addresses = new Map<string, Address>();
  readonly #listeners: (() => void)[] = [];
  /** Node by slot. */
  #slots: (string | undefined)[] = [];
  #nodes: readonly string[] = [];
  /** Kept open for the next refresh. */
  #connection: { readonly node: string; readonly connection: Connection } | null = null;
  /** The refresh under way. */
  #refreshing: Promise<void> | null = null;
  #timer: Timer | undefined;

  constructor(target: RedisTarget, runtime: Runtime) {
    this.#target = target;
    this.#runtime = runtime;
  }

  nodeOf(key: string | null): string | null {
    const node = key === null ? this.#nodes[0] : this.#slots[slotOf(key)];
    return node ?? null;
  }

  nodes(): readonly string[] {
    return this.#nodes;
  }

  locate(node: string): Promise<ConnectionTarget> {
    const { tls, username, password } = this.#target;
    const address = this.#addresses.get(node) ?? parseNodeAddress(node, node);
    return Promise.resolve({ address, tls, username, password, database: 0 });
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  nodeNameOf(address: string, by: string): string {
    return this.#nodeAt(parseNodeAddress(address, by));
  }

  recordMove(slot: number, to: string, by: string): void {
    const node = this.nodeNameOf(to, by);
    if (this.#slots[slot] === node) return;
    const slots = [...this.#slots];
    slots[slot] = node;
    this.#adopt(slots);
    // A slot seldom moves alone.
    this.refresh().catch(() => {});
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#discover().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  watch(): void {
    this.#timer ??= this.#runtime.clock
      .every(SLOTS_REFRESH_MS, () => void this.refresh().catch(() => {}))
      .unref();
  }

  close(): void {
    this.#timer?.cancel();
    this.#closing.abort();
    this.#connection?.connection.destroy();
    this.#connection = null;
  }

  /** The name of the node at an address; remembers the address. */
  #nodeAt(address: Address): string {
    const node = addressText(address);
    this.#addresses.set(node, address);
    return node;
  }

  /**
   * Asks one node after the other, first the known masters, then the nodes of the URL, until one has a current view. A node
   * that is cut off from the majority does not hear of failovers: its view is taken only if no node has a better one.
   */
  async #discover(): Promise<void> {
    const candidates = new Set(this.#connection ? [this.#connection.node] : []);
    const ofUrl = this.#target.nodes.map((address) => this.#nodeAt(address));
    for (const node of [...this.#nodes, ...ofUrl]) candidates.add(node);
    let failure: unknown = null;
    let doubtful: SlotMap | null = null;
    for (const node of candidates) {
      if (this.#closing.signal.aborted) return;
      try {
        const map = await this.#ask(node);
        if (map.isCurrent) return this.#read(map);
        doubtful ??= map;
      } catch (error) {
        // A refusal says more than a node that is out of reach.
        if (!(failure instanceof ErrorReply)) failure = error;
      }
    }
    if (doubtful === null) throw failure;
    this.#read(doubtful);
  }

  async #ask(node: string): Promise<SlotMap> {
    const connection = await this.#connectTo(node);
    try {
      const [ranges, isCurrent] = await Promise.all([
        connection.send(['CLUSTER', 'SLOTS']),
        isInTouch(connection),
      ]);
      return { node, ranges: ranges as readonly SlotRange[], isCurrent };
    } catch (error) {
      connection.destroy();
      this.#connection = null;
      throw error;
    }
  }

  async #connectTo(node: string): Promise<Connection> {
    if (this.#connection?.node === node && !this.#connection.connection.isLost)
      return this.#connection.connection;
    const { signal } = this.#closing;
    const target = await this.locate(node);
    const connection = await Connection.open({
      target,
      clock: this.#runtime.clock,
      signal,
      onLost: () => {},
    });
    this.#connection?.connection.destroy();
    if (signal.aborted) connection.destroy();
    else this.#connection = { node, connection };
    return connection;
  }

  #read({ ranges, node: by }: SlotMap): void {
    // A node that has just been started, or was reset.
    if (ranges.length === 0) throw new Error(`the cluster node ${by} knows of no slots`);
    const slots: (string | undefined)[] = Array.from({ length: SLOTS });
    for (const [start, end, [host, port]] of ranges) {
      // Null or "?" = the node does not know its own host.
      const name = host?.toString() ?? '?';
      const node = this.nodeNameOf(`${name === '?' ? '' : name}:${port}`, by);
      for (let slot = start; slot <= end; slot += 1) slots[slot] = node;
    }
    this.#adopt(slots);
  }

  #adopt(slots: (string | undefined)[]): void {
    const before = this.#slots;
    this.#slots = slots;
    if (before.length === slots.length && slots.every((node, slot) => node === before[slot])) return;
    this.#nodes = [...new Set(slots.filter((node) => node !== undefined))];
    for (const listener of this.#listeners) listener();
  }
}
