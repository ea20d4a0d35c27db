import type { ListedState } from '@task-center/model';
import { MAX_BATCH } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { BulkState } from '../broker/control.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { flag } from '../checks/values.ts';
import { facetsOf } from './arguments.ts';
import { changeInSteps, STEP_ROWS, type BulkOptions } from './change-in-steps.ts';
import { requireQueue } from './queues.ts';

/** Options of `Inspector.queues.remove`. `onProgress` and `signal` concern the removal of its tasks. */
export interface RemoveQueueOptions extends Omit<BulkOptions, 'group'> {
  /**
   * Also removes all tasks of the queue; it still fails while a task is active. Default false: the queue must have no
   * tasks but completed and cancelled ones.
   */
  readonly force?: boolean;
}

const checkRemovalOptions = createOptionsCheck<RemoveQueueOptions>('remove', { ...STEP_ROWS, force: flag });

const REMOVABLE_STATES: readonly BulkState[] = [
  'pending',
  'scheduled',
  'retry',
  'aggregating',
  'archived',
  'completed',
];
/** Tasks that have ended, and that a queue may take along when it is removed. */
const ENDED_STATES: readonly ListedState[] = ['completed', 'cancelled'];
/** Producers may store further tasks meanwhile, so one round may not be enough. */
const MAX_REMOVAL_ROUNDS = 10;

async function statesIn({ inspect }: Broker, queue: string): Promise<ListedState[]> {
  const [facts] = await inspect.queueFacts([queue]);
  const counts = Object.entries(facts?.counts ?? {}) as [ListedState, number][];
  return counts.filter(([, count]) => count > 0).map(([state]) => state);
}

/** Removes all tasks and the queue; false = aborted, or producers were faster. */
async function removeAllTasks(broker: Broker, queue: string, options: BulkOptions): Promise<boolean> {
  for (let round = 0; round < MAX_REMOVAL_ROUNDS; round += 1) {
    for (const state of REMOVABLE_STATES)
      await changeInSteps(broker, { queue, action: 'remove', state, options });
    // Tasks in aggregation sets do not count as tasks of a group, so the loop above may have left them.
    const leftover = { queue, action: 'remove', state: 'aggregating', limit: MAX_BATCH } as const;
    while ((await broker.control.changeMany(leftover)).more);
    if (options.signal?.aborted) return false;
    if (await broker.control.dropQueue(queue)) return true;
  }
  return false;
}

/** Removes the queue with its tasks. It is paused meanwhile, and no worker takes a task that is about to be removed. */
async function removeByForce(broker: Broker, queue: string, options: BulkOptions): Promise<void> {
  const [before] = await broker.inspect.queueFacts([queue]);
  if (!before?.paused) await broker.control.pause(queue, 'it is being removed');
  const [now] = await broker.inspect.queueFacts([queue]);
  if ((now?.counts.active ?? 0) === 0 && (await removeAllTasks(broker, queue, options))) return;
  if (!before?.paused) await broker.control.resume(queue);
  throw new TaskCenterError('queue-not-empty', { queue, states: await statesIn(broker, queue) });
}

/** Schedules are never removed with their queue: nobody would expect them to end. */
async function requireNoSchedules({ schedules }: Broker, queue: string): Promise<void> {
  const [counts] = await schedules.counts([queue], null);
  if (counts && counts.all > 0)
    throw new TaskCenterError('queue-not-empty', { queue, states: [], schedules: counts.all });
}

/**
 * Removes a queue, and first its completed tasks. In Asynq they stay behind, invisible, and come back when the queue is
 * used again.
 *
 * @throws TaskCenterError `queue-not-found`, `queue-not-empty`
 */
export async function removeQueue(broker: Broker, queue: string, given: RemoveQueueOptions): Promise<void> {
  facetsOf(broker, 'inspect', 'control');
  const { force = false, ...options } = checkRemovalOptions(given);
  await requireQueue(broker, queue);
  await requireNoSchedules(broker, queue);
  if (force) return removeByForce(broker, queue, options);
  const states = (await statesIn(broker, queue)).filter((state) => !ENDED_STATES.includes(state));
  if (states.length === 0) {
    await changeInSteps(broker, { queue, action: 'remove', state: 'completed', options });
    if (await broker.control.dropQueue(queue)) return;
  }
  throw new TaskCenterError('queue-not-empty', {
    queue,
    states: states.length > 0 ? states : await statesIn(broker, queue),
  });
}
