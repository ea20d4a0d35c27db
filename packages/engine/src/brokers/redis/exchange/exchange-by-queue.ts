import type { CallOptions } from '../../../broker/call-options.ts';
import type { Exchange } from '../../../broker/consume.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import type { Fetched, QueueFinishes, ExchangeReply } from '../scripts/consume/exchange.ts';

type Fetch = Pick<Exchange, 'queues' | 'shares' | 'room' | 'leaseMs' | 'worker'>;
export type Send = (
  finishes: readonly QueueFinishes[],
  fetch: Fetch,
  options?: CallOptions,
) => Promise<ExchangeReply>;

/** A call that takes nothing. */
export const NO_FETCH: Fetch = { queues: [], room: 0, leaseMs: 1, worker: '' };
export const NO_REPLY: ExchangeReply = { codes: '', fetched: [] };

/** What a server that is away may take of an exchange's time, so that the tasks of the others run on, ms. */
const PATIENCE_MS = 1_500;

/** The server of a queue; null = nobody knows it yet. */
export type PlaceOf = (queue: string) => string | null;

interface Transport {
  readonly send: Send;
  readonly placeOf: PlaceOf;
}

/** Takes tasks of several queues, one script each, within the room that they share. */
class QueueExchanges {
  readonly fetched: Fetched[] = [];
  readonly #ways: Transport;
  readonly #fetch: Fetch;
  readonly #options: CallOptions | undefined;
  /** Queues that had less than they were asked for. */
  readonly #dry = new Set<number>();
  /** Servers that did not answer: each is waited for once. */
  readonly #away = new Set<string | null>();
  #left: number;
  #answered = 0;
  #failure: unknown = null;

  constructor(ways: Transport, fetch: Fetch, options: CallOptions | undefined) {
    this.#ways = ways;
    this.#fetch = fetch;
    this.#options = options;
    this.#left = fetch.room;
  }

  /** Null unless nobody answered: what was taken must reach the worker, whatever happened elsewhere. */
  get failure(): unknown {
    return this.#answered === 0 ? this.#failure : null;
  }

  /** As the script does over many queues: first everybody's share, then what is left, in order. */
  async all(): Promise<void> {
    const { queues, shares = [] } = this.#fetch;
    for (const [i, share] of shares.entries()) await this.#take(i, share);
    for (const i of queues.keys()) await this.#take(i, this.#left);
  }

  async #take(i: number, most: number): Promise<void> {
    const queue = this.#fetch.queues[i];
    const room = Math.min(most, this.#left);
    if (queue === undefined || room <= 0 || this.#dry.has(i) || this.#options?.signal?.aborted) return;
    const place = this.#ways.placeOf(queue);
    if (this.#away.has(place)) return;
    try {
      const reply = await this.#ask(queue, room);
      this.#answered += 1;
      const taken = reply.fetched.reduce((sum, { rows }) => sum + rows.length, 0);
      if (taken < room) this.#dry.add(i);
      this.#left -= taken;
      this.fetched.push(...reply.fetched);
    } catch (error) {
      this.#failure ??= error;
      this.#dry.add(i);
      if (isTaskCenterError(error, 'broker-unavailable')) this.#away.add(place);
    }
  }

  /** With one queue nobody else waits. */
  async #ask(queue: string, room: number): Promise<ExchangeReply> {
    const { queues, leaseMs, worker } = this.#fetch;
    const fetch = { queues: [queue], room, leaseMs, worker };
    if (queues.length === 1) return this.#ways.send([], fetch, this.#options);
    // Not `AbortSignal.any`: in the worker's signal, which lives as long as it does, each would stay for ever.
    const { signal } = this.#options ?? {};
    const patience = new AbortController();
    const giveUp = () => patience.abort();
    const timer = setTimeout(giveUp, PATIENCE_MS);
    signal?.addEventListener('abort', giveUp);
    try {
      return await this.#ways.send([], fetch, { ...this.#options, signal: patience.signal });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }
}

/**
 * An exchange in a cluster, where a script has the keys of one queue only: all finishes at once, and when they are through
 * the queues to take from, one after the other.
 */
export function sendByQueue(send: Send, placeOf: PlaceOf): Send {
  return async (finishes, fetch, options) => {
    const only = fetch.queues.length === 1 ? fetch.queues[0] : undefined;
    if (only !== undefined && finishes.every(({ queue }) => queue === only))
      return send(finishes, fetch, options);
    const finished = await Promise.allSettled(
      finishes.map((one: QueueFinishes) => send([one], NO_FETCH, options)),
    );
    const failed = finished.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const codes = finished
      .map((result) => (result.status === 'fulfilled' ? result.value : NO_REPLY).codes)
      .join('');
    const taking = new QueueExchanges({ send, placeOf }, fetch, options);
    await taking.all();
    // What was handed in must not seem lost because there was nothing to be had.
    if (finishes.length === 0 && taking.failure !== null) throw taking.failure;
    return { codes, fetched: taking.fetched };
  };
}
