import { mapBounded } from '../../../runtime/map-bounded.ts';
import type { RedisClient, RunOptions } from '../client/redis-client.ts';
import type { Script } from '../client/script.ts';
import type { QueuesCall } from '../scripts/define-script.ts';

/** Calls under way at once where every queue takes a call of its own. The client's bound of open calls is far away. */
export const MAX_AT_ONCE = 512;

/** In a cluster: how long the queues on other masters wait for a master that is down. */
export const NODE_WAIT: RunOptions = { timeoutMs: 1_500 };

/** A script that takes many queues. */
type ScriptOverQueues<Result> = Script<QueuesCall, readonly Result[]>;

interface Options extends RunOptions, QueuesCall {
  /** Queues in one call on a single server. */
  readonly perCall: number;
}

/** Splits a list of queues, in order. */
export const partsOf = <Queue>(queues: readonly Queue[], size: number): (readonly Queue[])[] =>
  Array.from({ length: Math.ceil(queues.length / size) }, (_, i) => queues.slice(i * size, (i + 1) * size));

/**
 * Runs a script that takes many queues over any number of them. On a single server a call takes up to `perCall` queues, and few
 * are under way: calls that arrive together hold Redis as one long script would. In a cluster, where a script may use the keys
 * of one queue only, each queue takes a call.
 */
export async function runOverQueues<Result>(
  client: RedisClient,
  script: ScriptOverQueues<Result>,
  { queues, perCall, ...options }: Options,
): Promise<Result[]> {
  const parts = partsOf(queues, client.isClustered ? 1 : perCall);
  const results = await mapBounded(parts, client.isClustered ? MAX_AT_ONCE : 2, (part) =>
    client.run(script, { queues: part }, options),
  );
  return results.flat();
}

/**
 * Calls `run` for each queue of a cluster. A queue on a master that is down has the results `none`. Rejects if no queue was
 * reached, because then the broker itself is down.
 */
export async function forEachReachable<Result>(
  queues: readonly string[],
  none: readonly Result[],
  run: (queue: string, options: RunOptions) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results = await mapBounded(queues, MAX_AT_ONCE, async (queue) => {
    const [result] = await Promise.allSettled([run(queue, NODE_WAIT)]);
    return result;
  });
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length > 0 && failed.length === queues.length) throw failed[0]!.reason;
  return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : none));
}

/** As `runOverQueues`, for loops that must go on while a master of a cluster is down: see `forEachReachable`. */
export async function runOverReachableQueues<Result>(
  client: RedisClient,
  script: ScriptOverQueues<Result>,
  { none, ...options }: Options & { readonly none: readonly Result[] },
): Promise<Result[]> {
  const { queues } = options;
  if (!client.isClustered || queues.length < 2) return runOverQueues(client, script, options);
  return forEachReachable(queues, none, (queue, nodeWait) =>
    client.run(script, { queues: [queue] }, nodeWait),
  );
}
