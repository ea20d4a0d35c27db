import type { Runtime } from '../../../../runtime/runtime.ts';
import { causeOf, ErrorReply } from '../error-replies.ts';
import { openConnection, type Connection } from '../connection.ts';
import { addressText, type Address, type ConnectionTarget, type RedisTarget } from '../url.ts';
import type { Topology } from './topology.ts';

/** Sentinels that are kept in mind beside those of the URL. */
const MAX_SENTINELS = 20;
const REFRESH_MS = 1_000;
/** Sentinels tell of a new master; the old one takes writes for seconds more, which are lost. */
const NEWS = '+switch-master';

const texts = (reply: unknown): string[] => (reply as unknown[]).map(String);

/** The other Sentinels of a `SENTINEL SENTINELS` reply. */
function othersOf(reply: unknown): Address[] {
  return (reply as unknown[]).flatMap((one) => {
    const flat = texts(one);
    const value = (name: string) => flat[flat.findIndex((text, i) => i % 2 === 0 && text === name) + 1];
    const [host, port] = [value('ip'), Number(value('port'))];
    return host !== undefined && port > 0 ? [{ host, port }] : [];
  });
}

/** The master that Sentinels name: the one place, another one after each failover. */
class SentinelTopology implements Topology {
  readonly clustered = false;
  readonly hasFailover = true;
  readonly #target: RedisTarget;
  readonly #runtime: Runtime;
  readonly #closing = new AbortController();
  readonly #listeners: (() => void)[] = [];
  #sentinels: readonly Address[];
  #master: { readonly place: string; readonly address: Address } | null = null;
  /** To the Sentinel that answered last; it brings the news. */
  #connection: Connection | null = null;
  #discovering: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: RedisTarget, runtime: Runtime) {
    this.#target = target;
    this.#runtime = runtime;
    this.#sentinels = target.nodes;
  }

  nodeOf(): string | null {
    return this.#master?.place ?? null;
  }

  nodes(): readonly string[] {
    return this.#master ? [this.#master.place] : [];
  }

  locate(place: string): Promise<ConnectionTarget> {
    const { tls, username, password, database } = this.#target;
    if (this.#master?.place !== place) return Promise.reject(new Error('it is no longer the master'));
    return Promise.resolve({ address: this.#master.address, tls, username, password, database });
  }

  async verify(connection: Connection): Promise<void> {
    let role: string | undefined;
    try {
      [role] = texts(await connection.send(['ROLE']));
    } catch (error) {
      // Without the right to ask we have to believe.
      if (error instanceof ErrorReply) return;
      throw error;
    }
    if (role === 'master') return;
    // Another Sentinel may know better.
    this.#askNext();
    throw new Error('the server that Sentinel calls the master is none');
  }

  recordMove(): void {}

  nodeNamed(text: string): string {
    return text;
  }

  refresh(): Promise<void> {
    this.#timer ??= setInterval(() => void this.refresh().catch(() => {}), REFRESH_MS).unref();
    this.#discovering ??= this.#discover().finally(() => (this.#discovering = null));
    return this.#discovering;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  watch(): void {}

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#connection?.destroy();
  }

  #askNext(): void {
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
        // A refusal tells more than a Sentinel that is out of reach.
        if (!(failure instanceof ErrorReply)) failure = error;
      }
    }
    if (failure instanceof ErrorReply) throw failure;
    throw new Error(`no Sentinel could tell the master: ${causeOf(failure)}`);
  }

  async #ask(sentinel: Address): Promise<void> {
    const { master } = this.#target;
    const connection =
      this.#connection && !this.#connection.lost ? this.#connection : await this.#open(sentinel);
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
    const look = (): void => void this.refresh().catch(() => {});
    const connection = await openConnection({ target, clock: this.#runtime.clock, signal, onLost: look });
    if (signal.aborted) connection.destroy();
    // Without the right to hear it is asked every second.
    connection.subscribe(NEWS, look).catch(() => {});
    this.#connection = connection;
    return connection;
  }

  #remember(first: Address, others: readonly Address[]): void {
    const byText = new Map<string, Address>();
    for (const one of [first, ...this.#sentinels, ...others]) {
      if (byText.size < MAX_SENTINELS && !byText.has(addressText(one))) byText.set(addressText(one), one);
    }
    this.#sentinels = [...byText.values()];
  }

  #adopt(address: Address): void {
    const place = addressText(address);
    if (this.#master?.place === place) return;
    this.#master = { place, address };
    for (const listener of this.#listeners) listener();
  }
}

/** The master behind Sentinels: asked for at the first need, when it fails, and when they tell of another one. */
export function createSentinelTopology(target: RedisTarget, runtime: Runtime): Topology {
  return new SentinelTopology(target, runtime);
}
