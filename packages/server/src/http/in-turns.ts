/** Work that may take long is done in turns of the event loop, because everything else waits during a turn. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@task-center/engine';

/** Longest turn, ms. Other work of the service then waits hardly longer than it would for a large body. */
const MAX_TURN_MS = 10;

/**
 * Maps a list in order. Whenever a turn has taken its time, the other work of the event loop comes first.
 */
export async function mapInTurns<Item, Result>(
  items: readonly Item[],
  clock: Pick<Clock, 'monotonicMs'>,
  map: (item: Item, index: number) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  let sinceMs = clock.monotonicMs();
  for (const [index, item] of items.entries()) {
    results.push(map(item, index));
    if (clock.monotonicMs() - sinceMs < MAX_TURN_MS) continue;
    await setImmediate();
    sinceMs = clock.monotonicMs();
  }
  return results;
}
