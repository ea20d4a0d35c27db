import type { Broker } from '../broker/broker.ts';
import type { BulkState } from '../broker/control.ts';
import type { ListedState } from '../task/state.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { changeAll, type BulkOptions } from './change-all.ts';

export interface RemoveQueueOptions extends Omit<BulkOptions, 'group'> {
  /** Removes its tasks along with it, unless one is active. Default: only a queue without tasks to run is removed. */
  readonly force?: boolean;
}

const REMOVABLE: readonly BulkState[] = [
  'pending',
  'scheduled',
  'retry',
  'aggregating',
  'archived',
  'completed',
];
/** What nobody waits for any more goes along with its queue (protocol D14). */
const LEFT_OVER: readonly ListedState[] = ['completed', 'cancelled'];
/** Producers may go on storing tasks meanwhile. */
const MAX_ROUNDS = 10;

async function statesIn({ inspect }: Broker, queue: string): Promise<ListedState[]> {
  const [facts] = await inspect.queueFacts([queue]);
  const counts = Object.entries(facts?.counts ?? {}) as [ListedState, number][];
  return counts.filter(([, count]) => count > 0).map(([state]) => state);
}

async function removeAllTasks(broker: Broker, queue: string, options: BulkOptions): Promise<boolean> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    for (const state of REMOVABLE) await changeAll(broker, { queue, action: 'remove', state, options });
    // Sets that are being aggregated are not counted among the groups (protocol 5.3).
    while (
      (await broker.control.changeMany({ queue, action: 'remove', state: 'aggregating', limit: 256 })).more
    );
    if (options.signal?.aborted) return false;
    if (await broker.control.dropQueue(queue)) return true;
  }
  return false;
}

/** Removes tasks only; while that lasts no worker takes any. */
async function byForce(broker: Broker, queue: string, options: BulkOptions): Promise<void> {
  const [before] = await broker.inspect.queueFacts([queue]);
  if (!before?.paused) await broker.control.pause(queue, 'it is being removed');
  const [now] = await broker.inspect.queueFacts([queue]);
  if ((now?.counts.active ?? 0) === 0 && (await removeAllTasks(broker, queue, options))) return;
  if (!before?.paused) await broker.control.resume(queue);
  throw new TaskCenterError('queue-not-empty', { queue, states: await statesIn(broker, queue) });
}

/** @throws TaskCenterError `queue-not-empty` */
export async function removeQueue(
  broker: Broker,
  queue: string,
  { force = false, ...options }: RemoveQueueOptions,
): Promise<void> {
  if (force) return byForce(broker, queue, options);
  const states = (await statesIn(broker, queue)).filter((state) => !LEFT_OVER.includes(state));
  if (states.length === 0) {
    await changeAll(broker, { queue, action: 'remove', state: 'completed', options });
    if (await broker.control.dropQueue(queue)) return;
  }
  throw new TaskCenterError('queue-not-empty', {
    queue,
    states: states.length > 0 ? states : await statesIn(broker, queue),
  });
}
