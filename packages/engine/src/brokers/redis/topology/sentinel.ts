import { ErrorReply } from '@redis/client';
import type { Runtime } from '../../../runtime/runtime.ts';
import { causeOf } from '../errors.ts';
import { openLink, type Link } from '../link.ts';
import { addressText, type Address, type LinkTarget, type RedisTarget } from '../url.ts';
import { onePlace } from './single.ts';
import type { Topology } from './topology.ts';

/** Sentinels that are kept in mind beside those of the URL. */
const MOST_SENTINELS = 20;

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

/** Finds the master by asking Sentinels one after the other, the one that answered last first. */
class Sentinels {
  readonly #target: RedisTarget;
  readonly #runtime: Runtime;
  #known: readonly Address[];
  #asking: Promise<LinkTarget> | null = null;

  constructor(target: RedisTarget, runtime: Runtime) {
    this.#target = target;
    this.#runtime = runtime;
    this.#known = target.nodes;
  }

  /** Several links that are lost at once ask once. */
  locate(signal: AbortSignal): Promise<LinkTarget> {
    this.#asking ??= this.#askAll(signal).finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** The Sentinel that led to a server that is no master is asked last from now on. */
  distrustFirst(): void {
    const [first, ...others] = this.#known;
    if (first) this.#known = [...others, first];
  }

  async #askAll(signal: AbortSignal): Promise<LinkTarget> {
    let failure: unknown = null;
    for (const sentinel of this.#known) {
      try {
        const { address, others } = await this.#ask(sentinel, signal);
        this.#remember(sentinel, others);
        const { tls, username, password, database } = this.#target;
        return { address, tls, username, password, database };
      } catch (error) {
        // A refusal tells more than a Sentinel that is out of reach.
        if (!(failure instanceof ErrorReply)) failure = error;
      }
      if (signal.aborted) break;
    }
    if (failure instanceof ErrorReply) throw failure;
    throw new Error(`no Sentinel could tell the master: ${causeOf(failure)}`);
  }

  #remember(first: Address, others: readonly Address[]): void {
    const byText = new Map<string, Address>();
    for (const one of [first, ...this.#known, ...others]) {
      if (byText.size < MOST_SENTINELS && !byText.has(addressText(one))) byText.set(addressText(one), one);
    }
    this.#known = [...byText.values()];
  }

  async #ask(sentinel: Address, signal: AbortSignal): Promise<{ address: Address; others: Address[] }> {
    const { tls, sentinelLogin, master } = this.#target;
    const target = { address: sentinel, tls, ...sentinelLogin, database: 0 };
    const link = await openLink({ target, clock: this.#runtime.clock, signal, onLost: () => {} });
    try {
      const [found, others] = await Promise.all([
        link.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master]),
        link.send(['SENTINEL', 'SENTINELS', master]).catch(() => []),
      ]);
      if (found === null) {
        throw new Error(`the Sentinel at ${addressText(sentinel)} knows no master "${master}"`);
      }
      const [host = '', port] = texts(found);
      return { address: { host, port: Number(port) }, others: othersOf(others) };
    } finally {
      link.destroy();
    }
  }
}

/** The master behind Sentinels, asked for anew whenever a link to it is to be opened. */
export function createSentinel(target: RedisTarget, runtime: Runtime): Topology {
  const sentinels = new Sentinels(target, runtime);

  async function approve(link: Link): Promise<void> {
    let role: string | undefined;
    try {
      [role] = texts(await link.send(['ROLE']));
    } catch (error) {
      // Without the right to ask we have to believe.
      if (error instanceof ErrorReply) return;
      throw error;
    }
    if (role === 'master') return;
    sentinels.distrustFirst();
    throw new Error('the Sentinels still name a server that is no master');
  }

  return onePlace({ elects: true, locate: (_, signal) => sentinels.locate(signal), approve });
}
