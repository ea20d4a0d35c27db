/**
 * Two ways to name a task: its address, as in the library, and its ID in the queues that the caller may see, as over
 * HTTP. Both lead to a `LocatedTask`, which `tasks.ts` reads and changes.
 */
import { BUILT_IN_QUEUES, logicalQueue, storedQueues, storedTaskId, type TaskKind } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { BusinessFilter } from '../broker/inspect.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { checkedAddress, type TaskAddress } from './arguments.ts';
import { requireQueue } from './queues.ts';

/** Where a task is stored. Whether it exists is decided by the call that acts on it. */
export interface LocatedTask {
  /** The stored queue. */
  readonly queue: string;
  /** The ID that its owner knows, for errors. */
  readonly id: string;
  /** The ID under which it is stored: with the business in front, if it has one. */
  readonly storedId: string;
}

/** Selects tasks by an ID, which may fit several: IDs are unique per stored queue and business. */
export interface TaskSearch {
  /** The ID that the task's owner knows. */
  readonly id: string;
  /** The logical queue. Default: all that are in use, and the built-in ones. */
  readonly queue?: string | undefined;
  /** Default: both kinds. */
  readonly kind?: TaskKind | undefined;
  readonly filter: BusinessFilter;
  /** Whether the caller may see a logical queue. The others are not searched. */
  readonly seesQueue: (name: string) => boolean;
}

/** A task that a search has found. */
export interface TaskMatch extends LocatedTask {
  /** Null = it has none. */
  readonly business: string | null;
}

/** Searches all queues for the only task with an ID. @throws TaskCenterError `task-not-found`, `task-id-ambiguous` */
async function locateById({ inspect }: Broker, id: string, business: string | null): Promise<LocatedTask> {
  const found = await inspect.find(await inspect.queues(), id, { business });
  const [task] = found;
  if (task === undefined) throw new TaskCenterError('task-not-found', { id, queue: null });
  if (found.length === 1) return { queue: task.queue, id, storedId: task.id };
  throw new TaskCenterError('task-id-ambiguous', { id, queues: found.map(({ queue }) => queue).sort() });
}

/**
 * Locates a task by its address or its ID. With a queue it checks the queue, not the task.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`; without a queue `task-not-found`, `task-id-ambiguous`
 */
export async function locateTask(broker: Broker, task: TaskAddress | string): Promise<LocatedTask> {
  const { queue, id, businessId = null } = checkedAddress(task);
  if (queue === undefined) return locateById(broker, id, businessId);
  await requireQueue(broker, queue);
  return { queue, id, storedId: storedTaskId(id, businessId) };
}

async function queuesToSearch(
  { inspect }: Broker,
  { queue, kind, seesQueue }: TaskSearch,
): Promise<string[]> {
  const candidates =
    queue === undefined
      ? [...new Set([...(await inspect.queues()), ...BUILT_IN_QUEUES.flatMap(storedQueues)])]
      : [...storedQueues(queue)];
  return candidates.filter((stored) => {
    const logical = logicalQueue(stored);
    return (kind === undefined || kind === logical.kind) && seesQueue(logical.name);
  });
}

/** All tasks that a search selects; none is not an error. */
export async function findTasks(broker: Broker, search: TaskSearch): Promise<TaskMatch[]> {
  const queues = await queuesToSearch(broker, search);
  if (queues.length === 0) return [];
  const found = await broker.inspect.find(queues, search.id, search.filter);
  return found.map(({ queue, id, business }) => ({ queue, id: search.id, storedId: id, business }));
}
