import type { Runtime } from '../../../../runtime/runtime.ts';
import { ErrorReply } from '../error-replies.ts';
import { openConnection, type Connection } from '../connection.ts';
import { addressText, type Address, type ConnectionTarget, type RedisTarget } from '../url.ts';
import { slotOf, SLOTS } from './slots.ts';
import type { Topology } from './topology.ts';

const REFRESH_MS = 2_000;

/** `host:port`; without a host the one that said it. */
function addressIn(text: string, by: string): Address {
  const colon = text.lastIndexOf(':');
  const ofBy = by.slice(0, by.lastIndexOf(':'));
  const host = (text.slice(0, colon) || ofBy).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(text.slice(colon + 1)) };
}

type RawRange = readonly [
  start: number,
  end: number,
  master: readonly [host: Buffer | string | null, port: number],
];

interface SlotMap {
  /** Who gave it. */
  readonly place: string;
  readonly ranges: readonly RawRange[];
  readonly isCurrent: boolean;
}

/** Whether a server is in touch with most of the others. */
async function isInTouch(connection: Connection): Promise<boolean> {
  try {
    return !String(await connection.send(['CLUSTER', 'INFO'])).includes('cluster_state:fail');
  } catch (error) {
    // Without the right to ask we have to believe.
    if (error instanceof ErrorReply) return true;
    throw error;
  }
}

class ClusterTopology implements Topology {
  readonly clustered = true;
  readonly hasFailover = false;
  readonly #target: RedisTarget;
  readonly #runtime: Runtime;
  readonly #closing = new AbortController();
  readonly #addresses = new Map<string, Address>();
  readonly #listeners: (() => void)[] = [];
  /** Place by slot. */
  #slots: (string | undefined)[] = [];
  #nodes: readonly string[] = [];
  /** Open as long as it lasts: looking is done again and again. */
  #connection: { readonly place: string; readonly connection: Connection } | null = null;
  #discovering: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: RedisTarget, runtime: Runtime) {
    this.#target = target;
    this.#runtime = runtime;
  }

  nodeOf(key: string | null): string | null {
    const place = key === null ? this.#nodes[0] : this.#slots[slotOf(key)];
    return place ?? null;
  }

  nodes(): readonly string[] {
    return this.#nodes;
  }

  locate(place: string): Promise<ConnectionTarget> {
    const { tls, username, password } = this.#target;
    const address = this.#addresses.get(place) ?? addressIn(place, place);
    return Promise.resolve({ address, tls, username, password, database: 0 });
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  nodeNamed(text: string, by: string): string {
    return this.#named(addressIn(text, by));
  }

  recordMove(slot: number, to: string, by: string): void {
    const place = this.nodeNamed(to, by);
    if (this.#slots[slot] === place) return;
    const slots = [...this.#slots];
    slots[slot] = place;
    this.#adopt(slots);
    // Seldom one slot alone.
    this.refresh().catch(() => {});
  }

  refresh(): Promise<void> {
    this.#discovering ??= this.#discover().finally(() => (this.#discovering = null));
    return this.#discovering;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  watch(): void {
    this.#timer ??= setInterval(() => void this.refresh().catch(() => {}), REFRESH_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#connection?.connection.destroy();
    this.#connection = null;
  }

  #named(address: Address): string {
    const place = addressText(address);
    this.#addresses.set(place, address);
    return place;
  }

  /**
   * Asks one server after the other: those known to be masters, then those of the URL. One that is cut off from the
   * others does not hear of failovers: it is believed only if nobody knows better.
   */
  async #discover(): Promise<void> {
    const asked = new Set(this.#connection ? [this.#connection.place] : []);
    for (const place of [...this.#nodes, ...this.#target.nodes.map((node) => this.#named(node))])
      asked.add(place);
    let failure: unknown = null;
    let doubtful: SlotMap | null = null;
    for (const place of asked) {
      if (this.#closing.signal.aborted) return;
      try {
        const answer = await this.#ask(place);
        if (answer.isCurrent) return this.#read(answer);
        doubtful ??= answer;
      } catch (error) {
        if (!(failure instanceof ErrorReply)) failure = error;
      }
    }
    if (doubtful === null) throw failure;
    this.#read(doubtful);
  }

  async #ask(place: string): Promise<SlotMap> {
    const connection = await this.#connectTo(place);
    try {
      const [ranges, isCurrent] = await Promise.all([
        connection.send(['CLUSTER', 'SLOTS']),
        isInTouch(connection),
      ]);
      return { place, ranges: ranges as readonly RawRange[], isCurrent };
    } catch (error) {
      connection.destroy();
      this.#connection = null;
      throw error;
    }
  }

  async #connectTo(place: string): Promise<Connection> {
    if (this.#connection?.place === place && !this.#connection.connection.lost)
      return this.#connection.connection;
    const { signal } = this.#closing;
    const target = await this.locate(place);
    const connection = await openConnection({ target, clock: this.#runtime.clock, signal, onLost: () => {} });
    this.#connection?.connection.destroy();
    if (signal.aborted) connection.destroy();
    else this.#connection = { place, connection };
    return connection;
  }

  #read({ ranges, place: by }: SlotMap): void {
    if (ranges.length === 0) throw new Error(`the cluster node ${by} knows of no slots`);
    const slots: (string | undefined)[] = Array.from({ length: SLOTS });
    for (const [start, end, [host, port]] of ranges) {
      // Null or "?" = it does not know its own name.
      const told = host?.toString() ?? '?';
      const named = told === '?' ? '' : told;
      const place = this.nodeNamed(`${named}:${port}`, by);
      for (let slot = start; slot <= end; slot += 1) slots[slot] = place;
    }
    this.#adopt(slots);
  }

  #adopt(slots: (string | undefined)[]): void {
    const before = this.#slots;
    this.#slots = slots;
    if (before.length === slots.length && slots.every((place, slot) => place === before[slot])) return;
    this.#nodes = [...new Set(slots.filter((place) => place !== undefined))];
    for (const listener of this.#listeners) listener();
  }
}

/** The map of a cluster: read at the first need, when a server says that it is old, and every 2 s where watched. */
export function createClusterTopology(target: RedisTarget, runtime: Runtime): Topology {
  return new ClusterTopology(target, runtime);
}
