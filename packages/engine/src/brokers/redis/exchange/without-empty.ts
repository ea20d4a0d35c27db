import type { CallOptions } from '../../../broker/call-options.ts';
import type { FetchOptions } from '../../../broker/consume.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import { forEachReachable, partsOf } from '../calls/over-queues.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { Fetched } from '../scripts/consume/exchange.ts';
import { withTasks } from '../scripts/consume/table.ts';
import { NO_FETCH, type Send } from './exchange-by-queue.ts';

/** Most queues of an exchange that takes tasks. Of more queues, those that have tasks are found first. */
export const MAX_FETCHED = 128;
/** Queues in one call that finds them. */
const SEARCHED_AT_ONCE = 256;
/** Such calls under way: together they hold Redis for half a millisecond. */
const AT_ONCE = 8;

async function findWithTasks(
  client: RedisClient,
  queues: readonly string[],
  options: CallOptions = {},
): Promise<ReadonlySet<string>> {
  const exist = (names: readonly string[], waits: CallOptions) =>
    client.command(['EXISTS', ...names.map(pendingKey)], waits);
  if (client.isClustered) {
    return new Set(
      await forEachReachable(queues, [], async (queue, nodeWait) =>
        (await exist([queue], nodeWait)) === 1 ? [queue] : [],
      ),
    );
  }
  const searchPart = async (part: readonly string[]): Promise<readonly string[]> =>
    // Mostly none has any: a plain command costs a third of the script.
    (await exist(part, options)) === 0 ? [] : client.run(withTasks, { queues: part }, options);
  const parts = partsOf(queues, SEARCHED_AT_ONCE);
  const found: string[] = [];
  // While many queues have tasks, those of the first call suffice.
  for (
    let from = 0, count = 1;
    from < parts.length && found.length < MAX_FETCHED;
    from += count, count = AT_ONCE
  ) {
    found.push(...(await Promise.all(parts.slice(from, from + count).map(searchPart))).flat());
  }
  return new Set(found);
}

/** What a search has found in a list of queues. */
interface QueueFindings {
  readonly queues: readonly string[];
  /** Places in the list, in order. */
  places: readonly number[];
  readonly atMs: number;
}

/** How long a search holds. A fetch that finds less than it has room for ends it. */
const HOLDS_MS = 250;
/**
 * The first queues of the list, which are the most urgent: they are asked whatever a search has found. Not in a cluster, where
 * each would be a call of its own.
 */
const ALWAYS_ASKED = 8;

/** The first places and those found, in order, as many as fit into an exchange; none if none was found. */
function placesToAsk(found: readonly number[], first: number): number[] {
  if (found.length === 0) return [];
  const asked = Array.from({ length: first }, (_, place) => place);
  for (const place of found) {
    if (asked.length === MAX_FETCHED) break;
    if (place >= first) asked.push(place);
  }
  return asked;
}

/**
 * Leaves queues without tasks out of fetches over many queues, as an exchange would hold Redis for a microsecond or two for
 * each. A search costs a millisecond, and a busy worker fetches hundreds of times a second: what one has found serves the next
 * fetches, too. New tasks of a queue may wait that long behind those of queues that come later in the list, unless it is one of
 * the first.
 */
export class QueuesWithTasks {
  readonly #client: RedisClient;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #found: QueueFindings | undefined;

  constructor(client: RedisClient, clock: Pick<Clock, 'monotonicMs'>) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Whether `narrow` would answer without a search. */
  knows({ queues }: FetchOptions): boolean {
    const { queues: searched, places, atMs } = this.#found ?? { places: [], atMs: -Infinity };
    return searched === queues && places.length > 0 && this.#clock.monotonicMs() - atMs < HOLDS_MS;
  }

  /** The same fetch over queues that have tasks, as many as fit into an exchange, in order; none = there are no tasks. */
  async narrow(fetch: FetchOptions, options?: CallOptions): Promise<FetchOptions> {
    const { queues, shares } = fetch;
    if (!this.knows(fetch)) {
      const atMs = this.#clock.monotonicMs();
      const found = await findWithTasks(this.#client, queues, options);
      this.#found = {
        queues,
        places: [...queues.keys()].filter((i) => found.has(queues[i] as string)),
        atMs,
      };
    }
    const kept = placesToAsk(this.#found?.places ?? [], this.#client.isClustered ? 0 : ALWAYS_ASKED);
    return {
      ...fetch,
      queues: kept.map((i) => queues[i] as string),
      ...(shares && { shares: kept.map((i) => shares[i] as number) }),
    };
  }

  /** Learns from a fetch over `queues`: with room left, it has emptied them all; otherwise those before the last that gave some. */
  onFetched({ queues, room }: FetchOptions, fetched: readonly Fetched[]): void {
    if (!this.#found) return;
    const taken = fetched.reduce((sum, { rows }) => sum + rows.length, 0);
    const last = fetched.findLast(({ rows }) => rows.length > 0)?.queue;
    const emptied = new Set(taken < room ? queues : queues.slice(0, queues.indexOf(last ?? '')));
    const { queues: all, places } = this.#found;
    this.#found.places = places.filter((i) => !emptied.has(all[i] as string));
  }
}

/** An exchange over more queues than one call takes: those without tasks are left out of it. */
export function sendOverMany(send: Send, search: QueuesWithTasks): Send {
  const sendMany: Send = async (finishes, fetch, options) => {
    const wasKnown = search.knows(fetch);
    const few = await search.narrow(fetch, options);
    const reply = await send(finishes, few.queues.length > 0 ? few : NO_FETCH, options);
    search.onFetched(few, reply.fetched);
    if (!wasKnown || reply.fetched.some(({ rows }) => rows.length > 0)) return reply;
    // Other queues may have tasks by now: a worker that finds none waits.
    try {
      const { fetched } = await sendMany([], fetch, options);
      return { ...reply, fetched: [...reply.fetched, ...fetched] };
    } catch (error) {
      // Accepted finishes must not seem lost because no tasks could be taken.
      if (finishes.length === 0) throw error;
      return reply;
    }
  };
  return sendMany;
}
