/** Stored queues: what is in them, and whether workers take tasks from them. */
import type { Broker } from '../broker/broker.ts';
import type { DayCounts, GroupSize, QueueFacts } from '../broker/inspect.ts';
import { wholeNumber } from '../checks/values.ts';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';
import { checkReason, checkStoredQueue, facetsOf } from './arguments.ts';
import { getLastMinutes, type LastMinute } from './last-minutes.ts';

/** A queue with its counts, settings and figures. */
export interface QueueInfo extends QueueFacts {
  /** Tasks in all states. */
  readonly size: number;
  /** Attempts that ended today (UTC). */
  readonly today: DayCounts;
  /** Estimate of the bytes that its tasks take in the broker. */
  readonly memoryUsage: number;
  /** What happened in the last full minute. */
  readonly lastMinute: LastMinute;
}

const checkDays = wholeNumber(1, 90);

/** The names of all stored queues, sorted. */
export async function listQueues(broker: Broker): Promise<string[]> {
  return facetsOf(broker, 'inspect').inspect.queues();
}

/**
 * Checks that a stored queue is known: it was used, and was not removed since.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`
 */
export async function requireQueue(broker: Broker, queue: string): Promise<void> {
  const { inspect } = facetsOf(broker, 'inspect');
  checkStoredQueue(queue);
  if (await inspect.exists(queue)) return;
  throw new TaskCenterError('queue-not-found', { queue });
}

/** Counts, settings and figures of a queue. @throws TaskCenterError `queue-not-found` */
export async function getQueue(broker: Broker, queue: string): Promise<QueueInfo> {
  await requireQueue(broker, queue);
  const { inspect } = broker;
  const [[facts], [today], memoryUsage, [lastMinute]] = await Promise.all([
    inspect.queueFacts([queue]),
    inspect.history(queue, 1),
    inspect.memoryUsage(queue),
    getLastMinutes(broker, [queue]),
  ]);
  const size = Object.values(facts!.counts).reduce((sum, count) => sum + count, 0);
  return { ...facts!, size, today: today!, memoryUsage, lastMinute: lastMinute! };
}

/** All queues by name, each as it is when its turn comes. One that is removed meanwhile is left out. */
export async function* iterateQueues(broker: Broker): AsyncGenerator<QueueInfo, void, undefined> {
  for (const queue of await listQueues(broker)) {
    const info = await getQueue(broker, queue).catch((error: unknown) => {
      if (isTaskCenterError(error, 'queue-not-found')) return null;
      throw error;
    });
    if (info) yield info;
  }
}

/**
 * The attempts that ended on each of the last days (UTC), today first.
 *
 * @param days 1 to 90
 * @throws TaskCenterError `invalid-value`, `queue-not-found`
 */
export async function getHistory(broker: Broker, queue: string, days: number): Promise<DayCounts[]> {
  checkDays(days, 'days');
  await requireQueue(broker, queue);
  return broker.inspect.history(queue, days);
}

/** The groups that have tasks, each with the number of its tasks. @throws TaskCenterError `queue-not-found` */
export async function listGroups(broker: Broker, queue: string): Promise<GroupSize[]> {
  await requireQueue(broker, queue);
  return broker.inspect.groups(queue);
}

/** Workers take no further tasks; running attempts go on. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
export async function pauseQueue(broker: Broker, queue: string, reason?: string): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  checkReason(reason, 'reason');
  await requireQueue(broker, queue);
  if (await control.pause(queue, reason)) return;
  throw new TaskCenterError('pause-unchanged', { queue, paused: true });
}

/** Workers take tasks from the queue again. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
export async function resumeQueue(broker: Broker, queue: string): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  await requireQueue(broker, queue);
  if (await control.resume(queue)) return;
  throw new TaskCenterError('pause-unchanged', { queue, paused: false });
}
