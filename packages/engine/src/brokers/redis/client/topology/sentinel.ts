import type { Timer } from '../../../../runtime/clock.ts';
import type { Runtime } from '../../../../runtime/runtime.ts';
import { causeOf, ErrorReply } from '../error-replies.ts';
import { Connection } from '../connection.ts';
import { addressText, type Address, type ConnectionTarget, type RedisTarget } from '../url.ts';
import type { Topology } from './topology.ts';

/** Sentinels that are remembered, those of the URL included. */
const MAX_SENTINELS = 20;
/** Pause between refreshes. */
const MASTER_REFRESH_MS = 1_000;
/** Sentinels announce a new master here. The old one accepts writes for some seconds more, and these are lost. */
const SWITCH_CHANNEL = '+switch-master';

const texts = (reply: unknown): string[] => (reply as unknown[]).map(String);

/** The other Sentinels of a `SENTINEL SENTINELS` reply. */
function othersOf(reply: unknown): Address[] {
  return (reply as unknown[]).flatMap((facts) => {
    const flat = texts(facts);
    const value = (name: string) => flat[flat.findIndex((text, i) => i % 2 === 0 && text === name) + 1];
    const [host, port] = [value('ip'), Number(value('port'))];
    return host !== undefined && port > 0 ? [{ host, port }] : [];
  });
}

/**
 * The master behind Sentinels: the only node, and a new one after each failover. Sentinels are asked when the master is
 * needed first, when it fails, every second, and when they announce another one.
 */
export class SentinelTopology implements Topology {
  readonly isClustered = false;
  readonly hasFailover = true;
  readonly #target: RedisTarget;
  readonly #runtime: Runtime;
  readonly #closing = new AbortController();
  readonly #listeners: (() => void)[] = [];
  /** The one that answered last comes first. */
  #sentinels: readonly Address[];
  #master: { readonly node: string; readonly address: Address } | null = null;
  /** To the Sentinel that answered last; it also receives the announcements. */
  #connection: Connection | null = null;
  /** The refresh under way. */
  #refreshing: Promise<void> | null = null;
  #timer: Timer | undefined;

  constructor(target: RedisTarget, runtime: Runtime) {
    this.#target = target;
    this.#runtime = runtime;
    this.#sentinels = target.nodes;
  }

  nodeOf(): string | null {
    return this.#master?.node ?? null;
  }

  nodes(): readonly string[] {
    return this.#master ? [this.#master.node] : [];
  }

  locate(node: string): Promise<ConnectionTarget> {
    const { tls, username, password, database } = this.#target;
    if (this.#master?.node !== node) return Promise.reject(new Error('it is no longer the master'));
    return Promise.resolve({ address: this.#master.address, tls, username, password, database });
  }

  async verify(connection: Connection): Promise<void> {
    let role: string | undefined;
    try {
      [role] = texts(await connection.send(['ROLE']));
    } catch (error) {
      // Without the right to ROLE the Sentinel has to be believed.
      if (error instanceof ErrorReply) return;
      throw error;
    }
    if (role === 'master') return;
    // Another Sentinel may know the new master already.
    this.#turnToNext();
    throw new Error('the server that Sentinel calls the master is none');
  }

  recordMove(): void {}

  nodeNameOf(address: string): string {
    return address;
  }

  refresh(): Promise<void> {
    this.#timer ??= this.#runtime.clock
      .every(MASTER_REFRESH_MS, () => void this.refresh().catch(() => {}))
      .unref();
    this.#refreshing ??= this.#discover().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  watch(): void {}

  close(): void {
    this.#timer?.cancel();
    this.#closing.abort();
    this.#connection?.destroy();
  }

  /** The next refresh asks another Sentinel first. */
  #turnToNext(): void {
    const [first, ...others] = this.#sentinels;
    if (first) this.#sentinels = [...others, first];
    this.#connection?.destroy();
    this.#connection = null;
  }

  /** Asks one Sentinel after the other, first the one that answered last. */
  async #discover(): Promise<void> {
    let failure: unknown = null;
    for (const sentinel of this.#sentinels) {
      if (this.#closing.signal.aborted) return;
      try {
        return await this.#ask(sentinel);
      } catch (error) {
        this.#connection?.destroy();
        this.#connection = null;
        // A refusal says more than a Sentinel that is out of reach.
        if (!(failure instanceof ErrorReply)) failure = error;
      }
    }
    if (failure instanceof ErrorReply) throw failure;
    throw new Error(`no Sentinel could name the master: ${causeOf(failure)}`);
  }

  /** Asks one Sentinel for the master, and for the other Sentinels. */
  async #ask(sentinel: Address): Promise<void> {
    const { master } = this.#target;
    const connection =
      this.#connection && !this.#connection.isLost ? this.#connection : await this.#open(sentinel);
    const [found, others] = await Promise.all([
      connection.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master]),
      connection.send(['SENTINEL', 'SENTINELS', master]).catch(() => []),
    ]);
    if (found === null)
      throw new Error(`the Sentinel at ${addressText(sentinel)} knows no master "${master}"`);
    this.#remember(sentinel, othersOf(others));
    const [host = '', port] = texts(found);
    this.#adopt({ host, port: Number(port) });
  }

  async #open(sentinel: Address): Promise<Connection> {
    const { tls, sentinelLogin } = this.#target;
    const { signal } = this.#closing;
    const target = { address: sentinel, tls, ...sentinelLogin, database: 0 };
    const refresh = (): void => void this.refresh().catch(() => {});
    const connection = await Connection.open({ target, clock: this.#runtime.clock, signal, onLost: refresh });
    if (signal.aborted) connection.destroy();
    // Without the right to subscribe, the refresh every second has to do.
    connection.subscribe(SWITCH_CHANNEL, refresh).catch(() => {});
    this.#connection = connection;
    return connection;
  }

  #remember(first: Address, others: readonly Address[]): void {
    const byText = new Map<string, Address>();
    for (const address of [first, ...this.#sentinels, ...others]) {
      const text = addressText(address);
      if (byText.size < MAX_SENTINELS && !byText.has(text)) byText.set(text, address);
    }
    this.#sentinels = [...byText.values()];
  }

  #adopt(address: Address): void {
    const node = addressText(address);
    if (this.#master?.node === node) return;
    this.#master = { node, address };
    for (const listener of this.#listeners) listener();
  }
}
