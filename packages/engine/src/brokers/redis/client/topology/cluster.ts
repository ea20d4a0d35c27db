import type { Runtime } from '../../../../runtime/runtime.ts';
import { ErrorReply } from '../error-replies.ts';
import { openLink, type Link } from '../connection.ts';
import { addressText, type Address, type LinkTarget, type RedisTarget } from '../url.ts';
import { slotOf, SLOTS } from './slots.ts';
import type { Topology } from './topology.ts';

const LOOK_MS = 2_000;

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

interface Answer {
  /** Who gave it. */
  readonly place: string;
  readonly ranges: readonly RawRange[];
  readonly isCurrent: boolean;
}

/** Whether a server is in touch with most of the others. */
async function isInTouch(link: Link): Promise<boolean> {
  try {
    return !String(await link.send(['CLUSTER', 'INFO'])).includes('cluster_state:fail');
  } catch (error) {
    // Without the right to ask we have to believe.
    if (error instanceof ErrorReply) return true;
    throw error;
  }
}

class Cluster implements Topology {
  readonly clustered = true;
  readonly elects = false;
  readonly #target: RedisTarget;
  readonly #runtime: Runtime;
  readonly #closing = new AbortController();
  readonly #addresses = new Map<string, Address>();
  readonly #listeners: (() => void)[] = [];
  /** Place by slot. */
  #slots: (string | undefined)[] = [];
  #places: readonly string[] = [];
  /** Open as long as it lasts: looking is done again and again. */
  #link: { readonly place: string; readonly link: Link } | null = null;
  #looking: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: RedisTarget, runtime: Runtime) {
    this.#target = target;
    this.#runtime = runtime;
  }

  placeOf(key: string | null): string | null {
    const place = key === null ? this.#places[0] : this.#slots[slotOf(key)];
    return place ?? null;
  }

  places(): readonly string[] {
    return this.#places;
  }

  locate(place: string): Promise<LinkTarget> {
    const { tls, username, password } = this.#target;
    const address = this.#addresses.get(place) ?? addressIn(place, place);
    return Promise.resolve({ address, tls, username, password, database: 0 });
  }

  approve(): Promise<void> {
    return Promise.resolve();
  }

  placeNamed(text: string, by: string): string {
    return this.#named(addressIn(text, by));
  }

  moved(slot: number, to: string, by: string): void {
    const place = this.placeNamed(to, by);
    if (this.#slots[slot] === place) return;
    const slots = [...this.#slots];
    slots[slot] = place;
    this.#take(slots);
    // Seldom one slot alone.
    this.refresh().catch(() => {});
  }

  refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  watch(): void {
    this.#timer ??= setInterval(() => void this.refresh().catch(() => {}), LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#link?.link.destroy();
    this.#link = null;
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
  async #look(): Promise<void> {
    const asked = new Set(this.#link ? [this.#link.place] : []);
    for (const place of [...this.#places, ...this.#target.nodes.map((node) => this.#named(node))])
      asked.add(place);
    let failure: unknown = null;
    let doubtful: Answer | null = null;
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

  async #ask(place: string): Promise<Answer> {
    const link = await this.#linkTo(place);
    try {
      const [ranges, isCurrent] = await Promise.all([link.send(['CLUSTER', 'SLOTS']), isInTouch(link)]);
      return { place, ranges: ranges as readonly RawRange[], isCurrent };
    } catch (error) {
      link.destroy();
      this.#link = null;
      throw error;
    }
  }

  async #linkTo(place: string): Promise<Link> {
    if (this.#link?.place === place && !this.#link.link.lost) return this.#link.link;
    const { signal } = this.#closing;
    const target = await this.locate(place);
    const link = await openLink({ target, clock: this.#runtime.clock, signal, onLost: () => {} });
    this.#link?.link.destroy();
    if (signal.aborted) link.destroy();
    else this.#link = { place, link };
    return link;
  }

  #read({ ranges, place: by }: Answer): void {
    if (ranges.length === 0) throw new Error(`the cluster node ${by} knows of no slots`);
    const slots: (string | undefined)[] = Array.from({ length: SLOTS });
    for (const [start, end, [host, port]] of ranges) {
      // Null or "?" = it does not know its own name.
      const told = host?.toString() ?? '?';
      const named = told === '?' ? '' : told;
      const place = this.placeNamed(`${named}:${port}`, by);
      for (let slot = start; slot <= end; slot += 1) slots[slot] = place;
    }
    this.#take(slots);
  }

  #take(slots: (string | undefined)[]): void {
    const before = this.#slots;
    this.#slots = slots;
    if (before.length === slots.length && slots.every((place, slot) => place === before[slot])) return;
    this.#places = [...new Set(slots.filter((place) => place !== undefined))];
    for (const listener of this.#listeners) listener();
  }
}

/** The map of a cluster: read at the first need, when a server says that it is old, and every 2 s where watched. */
export function createCluster(target: RedisTarget, runtime: Runtime): Topology {
  return new Cluster(target, runtime);
}
