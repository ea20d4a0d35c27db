import type { CallOptions } from '../../../broker/call-options.ts';
import type { FetchOptions } from '../../../broker/consume.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import type { Fetched, QueueFinishes, ExchangeReply } from '../scripts/consume/exchange.ts';

/** Sends one exchange. */
export type Send = (
  finishes: readonly QueueFinishes[],
  fetch: FetchOptions,
  options?: CallOptions,
) => Promise<ExchangeReply>;

/** Takes no tasks. */
export const NO_FETCH: FetchOptions = { queues: [], room: 0, leaseMs: 1, worker: '' };
/** The reply to a call without finishes that took nothing. */
export const NO_REPLY: ExchangeReply = { codes: '', fetched: [] };

/** How long an exchange waits for a node that is down: the queues of the other nodes wait behind it. */
const MAX_NODE_WAIT_MS = 1_500;

/** How to reach the queues. */
interface Transport {
  readonly send: Send;
  /** The node of a queue; null = it is not known yet. */
  readonly nodeOf: (queue: string) => string | null;
  readonly clock: Clock;
}

/** Takes tasks from several queues, one script call each, within the room that they share. */
class QueueFetches {
  readonly fetched: Fetched[] = [];
  readonly #transport: Transport;
  readonly #fetch: FetchOptions;
  readonly #options: CallOptions | undefined;
  /** Indexes of queues that gave less than they were asked for. */
  readonly #exhausted = new Set<number>();
  /** Nodes that did not answer: each is waited for once. */
  readonly #unreachable = new Set<string | null>();
  /** Tasks that may still be taken. */
  #room: number;
  #hasAnswer = false;
  #failure: unknown = null;

  constructor(transport: Transport, fetch: FetchOptions, options: CallOptions | undefined) {
    this.#transport = transport;
    this.#fetch = fetch;
    this.#options = options;
    this.#room = fetch.room;
  }

  /** The first error, if no queue answered; else null: tasks that were taken must reach the worker. */
  get failure(): unknown {
    return this.#hasAnswer ? null : this.#failure;
  }

  /** In the order of the script that has all queues: first the share of each queue, then the remaining room. */
  async fetchAll(): Promise<void> {
    const { queues, shares = [] } = this.#fetch;
    for (const [i, share] of shares.entries()) await this.#fetchFrom(i, share);
    for (const i of queues.keys()) await this.#fetchFrom(i, this.#room);
  }

  async #fetchFrom(i: number, maxTasks: number): Promise<void> {
    const queue = this.#fetch.queues[i];
    const room = Math.min(maxTasks, this.#room);
    if (queue === undefined || room <= 0 || this.#exhausted.has(i) || this.#options?.signal?.aborted) return;
    const node = this.#transport.nodeOf(queue);
    if (this.#unreachable.has(node)) return;
    try {
      const reply = await this.#ask(queue, room);
      this.#hasAnswer = true;
      const taken = reply.fetched.reduce((sum, { rows }) => sum + rows.length, 0);
      if (taken < room) this.#exhausted.add(i);
      this.#room -= taken;
      this.fetched.push(...reply.fetched);
    } catch (error) {
      this.#failure ??= error;
      this.#exhausted.add(i);
      if (isTaskCenterError(error, 'broker-unavailable')) this.#unreachable.add(node);
    }
  }

  /** Waits for the node at most 1.5 s, unless there is no other queue. */
  async #ask(queue: string, room: number): Promise<ExchangeReply> {
    const { queues, shares: _, ...same } = this.#fetch;
    const fetch = { ...same, queues: [queue], room };
    if (queues.length === 1) return this.#transport.send([], fetch, this.#options);
    // Not `AbortSignal.any`: the worker's signal lives as long as the worker, and would keep every one made from it.
    const { signal } = this.#options ?? {};
    const controller = new AbortController();
    const giveUp = () => controller.abort();
    const timer = this.#transport.clock.after(MAX_NODE_WAIT_MS, giveUp);
    signal?.addEventListener('abort', giveUp);
    try {
      return await this.#transport.send([], fetch, { ...this.#options, signal: controller.signal });
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', giveUp);
    }
  }
}

/**
 * An exchange in a cluster, where a script may use the keys of one queue only. Sends the finishes of all queues at once, and
 * after them the fetches, one queue after the other: only then is the remaining room known.
 */
export function sendByQueue(transport: Transport): Send {
  const { send } = transport;
  return async (finishes, fetch, options) => {
    const only = fetch.queues.length === 1 ? fetch.queues[0] : undefined;
    if (only !== undefined && finishes.every(({ queue }) => queue === only))
      return send(finishes, fetch, options);
    const finished = await Promise.allSettled(
      finishes.map((ofQueue: QueueFinishes) => send([ofQueue], NO_FETCH, options)),
    );
    const failed = finished.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const codes = finished
      .map((result) => (result.status === 'fulfilled' ? result.value : NO_REPLY).codes)
      .join('');
    const fetches = new QueueFetches(transport, fetch, options);
    await fetches.fetchAll();
    // Accepted finishes must not seem lost because no tasks could be taken.
    if (finishes.length === 0 && fetches.failure !== null) throw fetches.failure;
    return { codes, fetched: fetches.fetched };
  };
}
