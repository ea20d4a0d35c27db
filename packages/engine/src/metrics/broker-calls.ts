// The calls of a broker that metrics are made of. Each is bounded: a scrape holds nobody up.
import type { Broker } from '../broker/broker.ts';
import type { QueueFacts } from '../broker/inspect.ts';
import { mapBounded } from '../runtime/map-bounded.ts';

/** Queues in one call: whatever takes the broker's time takes a few milliseconds at most, on a busy machine, too. */
const QUEUES_PER_CALL = 32;
/** While one answer is read, the broker makes the next. More at once would only hold up others. */
const CALLS_AT_ONCE = 2;

/**
 * The facts of all stored queues, in the order of their names. Reads no task.
 *
 * @throws TaskCenterError as any call of a broker
 */
export async function readFacts({ inspect }: Pick<Broker, 'inspect'>): Promise<QueueFacts[]> {
  const queues = await inspect.queues();
  const parts: string[][] = [];
  for (let from = 0; from < queues.length; from += QUEUES_PER_CALL)
    parts.push(queues.slice(from, from + QUEUES_PER_CALL));
  return (await mapBounded(parts, CALLS_AT_ONCE, (part) => inspect.queueFacts(part))).flat();
}

/** What the broker's clock says, wall-clock ms. @throws TaskCenterError as any call of a broker */
export async function brokerTimeMs({ schedules }: Pick<Broker, 'schedules'>): Promise<number> {
  // There is no schedule without a name. The answer has the time all the same.
  const { nowMs } = await schedules.get(['']);
  return nowMs;
}
