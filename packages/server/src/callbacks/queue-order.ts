import { BUILT_IN_QUEUES, logicalQueue, nameFault, storedQueue } from '@task-center/engine';

/** Queues without a priority rank like this one. */
const DEFAULT_RANK_QUEUE = 'default';
const RANK = new Map<string, number>(BUILT_IN_QUEUES.map((name, rank) => [name, rank]));
const rankOf = (name: string) => RANK.get(name) ?? RANK.get(DEFAULT_RANK_QUEUE) ?? 0;

function byRankThenName(a: string, b: string): number {
  return rankOf(a) - rankOf(b) || (a < b ? -1 : 1);
}

/**
 * The callback queues among `stored`, in the order in which they are served: `critical`, `high`, then `default` and all
 * others by name, then `low`. These four are always included. Queues of handler tasks are left out, because other workers
 * serve them; so are queues whose names the engine does not allow.
 */
export function callbackQueues(stored: Iterable<string>): string[] {
  const names = new Set<string>(BUILT_IN_QUEUES);
  for (const queue of stored) {
    const { name, kind } = logicalQueue(queue);
    // Other programs may register any name. One that cannot be served must not stop the others.
    if (kind === 'callback' && nameFault(name) === null) names.add(name);
  }
  return [...names].sort(byRankThenName).map((name) => storedQueue(name, 'callback'));
}
