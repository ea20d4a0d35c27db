import type { Broker } from '../broker/broker.ts';
import { changeInSteps, type BulkChange } from './change-in-steps.ts';
import { requireQueue } from './queues.ts';

/** Runs, archives or removes all tasks of a state; resolves to their number. @throws TaskCenterError `queue-not-found` */
export async function changeAll(broker: Broker, bulk: BulkChange): Promise<number> {
  await requireQueue(broker, bulk.queue);
  return changeInSteps(broker, bulk);
}
