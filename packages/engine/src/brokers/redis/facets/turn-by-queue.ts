import type { CallOptions } from '../../../broker/call-options.ts';
import type { Turn } from '../../../broker/consume.ts';
import type { Fetched, QueueFinishes, TurnReply } from '../scripts/turn.ts';

type Fetch = Pick<Turn, 'queues' | 'shares' | 'room' | 'leaseMs' | 'worker'>;
export type Send = (
  finishes: readonly QueueFinishes[],
  fetch: Fetch,
  options?: CallOptions,
) => Promise<TurnReply>;

/** A call that takes nothing. */
export const NO_FETCH: Fetch = { queues: [], room: 0, leaseMs: 1, worker: '' };
export const NO_REPLY: TurnReply = { codes: '', fetched: [] };

/** What one queue may take of a turn's time while its server is away, so that the others' tasks run on, ms. */
const PATIENCE_MS = 1_500;

/** Takes tasks of several queues, one script each, within the room that they share. */
class Taking {
  readonly fetched: Fetched[] = [];
  readonly #send: Send;
  readonly #fetch: Fetch;
  readonly #options: CallOptions | undefined;
  /** Queues that had less than they were asked for. */
  readonly #dry = new Set<number>();
  #left: number;
  #answered = 0;
  #failure: unknown = null;

  constructor(send: Send, fetch: Fetch, options: CallOptions | undefined) {
    this.#send = send;
    this.#fetch = fetch;
    this.#options = options;
    this.#left = fetch.room;
  }

  /** As the script does over many queues: first everybody's share, then what is left, in order. */
  async all(): Promise<void> {
    const { queues, shares = [] } = this.#fetch;
    for (const [i, share] of shares.entries()) await this.#take(i, share);
    for (const i of queues.keys()) await this.#take(i, this.#left);
    // What was taken must reach the worker, whatever happened elsewhere.
    if (this.#answered === 0 && this.#failure !== null) throw this.#failure;
  }

  async #take(i: number, most: number): Promise<void> {
    const queue = this.#fetch.queues[i];
    const room = Math.min(most, this.#left);
    if (queue === undefined || room <= 0 || this.#dry.has(i) || this.#options?.signal?.aborted) return;
    const { leaseMs, worker } = this.#fetch;
    try {
      const reply = await this.#send([], { queues: [queue], room, leaseMs, worker }, this.#patience());
      this.#answered += 1;
      const taken = reply.fetched.reduce((sum, { rows }) => sum + rows.length, 0);
      if (taken < room) this.#dry.add(i);
      this.#left -= taken;
      this.fetched.push(...reply.fetched);
    } catch (error) {
      this.#failure ??= error;
      this.#dry.add(i);
    }
  }

  /** With one queue nobody else waits. */
  #patience(): CallOptions | undefined {
    if (this.#fetch.queues.length === 1) return this.#options;
    const over = AbortSignal.timeout(PATIENCE_MS);
    const { signal } = this.#options ?? {};
    return { ...this.#options, signal: signal ? AbortSignal.any([signal, over]) : over };
  }
}

/**
 * A turn in a cluster, where a script has the keys of one queue only: all finishes at once, and when they are through
 * the queues to take from, one after the other.
 */
export function sendByQueue(send: Send): Send {
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
    const taking = new Taking(send, fetch, options);
    await taking.all();
    return { codes, fetched: taking.fetched };
  };
}
