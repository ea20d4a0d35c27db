/** How much room queues take, as one instance has measured it for all: nobody who asks makes the broker look at tasks. */
import { storedQueues } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { anyText, listOf } from '../checks/values.ts';
import { readFigures } from '../metrics/stored-figures.ts';
import { facetsOf } from './arguments.ts';

const logicalNames = listOf(anyText, 'a list of queues');

/**
 * Estimates of the bytes that the tasks of logical queues take in the broker, both kinds together, in the order of `names`. An
 * instance of `Metrics` renews them once a minute. Null = the queue has not been measured yet.
 *
 * @throws TaskCenterError `invalid-value`
 */
export async function getLogicalQueueMemory(
  broker: Broker,
  names: readonly string[],
): Promise<(number | null)[]> {
  const { documents } = facetsOf(broker, 'documents');
  logicalNames(names, 'names');
  const figures = await readFigures(documents);
  return names.map((name) => {
    // A kind that is not there had no queue yet.
    const known = storedQueues(name).flatMap((stored) => figures?.memory.get(stored) ?? []);
    return known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0);
  });
}
