import type { CallOptions } from '../../../broker/call-options.ts';
import type { FetchOptions } from '../../../broker/consume.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import { forEachReachable, partsOf } from '../calls/over-queues.ts';
import type { RedisClient } from '../client/redis-client.ts';
import { withTasks } from '../scripts/consume/table.ts';

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

/**
 * Leaves queues without tasks out of a fetch over many queues, as an exchange would hold Redis for a microsecond or two for
 * each. At most as many queues remain as fit into one, in order.
 */
export async function withoutEmpty(
  client: RedisClient,
  fetch: FetchOptions,
  options?: CallOptions,
): Promise<FetchOptions> {
  const { queues, shares } = fetch;
  const found = await findWithTasks(client, queues, options);
  const kept = [...queues.keys()].filter((i) => found.has(queues[i] as string)).slice(0, MAX_FETCHED);
  return {
    ...fetch,
    queues: kept.map((i) => queues[i] as string),
    ...(shares && { shares: kept.map((i) => shares[i] as number) }),
  };
}
