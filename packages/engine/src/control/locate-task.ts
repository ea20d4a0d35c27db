/**
 * Two ways to name a task: its address, as in the library, and its ID in the queues that the caller may see, as over
 * HTTP. Both lead to a `LocatedTask`, which `tasks.ts` reads and changes.
 */
import { BUILT_IN_QUEUES, logicalQueue, storedQueues, storedTaskId, type TaskKind } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { BusinessFilter } from '../broker/inspect.ts';
import { createFieldsCheck, isOptions, required } from '../checks/options.ts';
import { anyText, checkOf, func } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { checkedAddress, checkKind, facetsOf, type LocatedTask, type TaskAddress } from './arguments.ts';
import { requireQueue } from './queues.ts';

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

const checkFilter = checkOf(
  '{ any: true }, or { business } with a text or null',
  (filter) =>
    isOptions(filter) &&
    (filter['any'] === true || filter['business'] === null || typeof filter['business'] === 'string'),
);
const checkSearch = createFieldsCheck<TaskSearch>('search', {
  id: required(anyText),
  queue: anyText,
  kind: checkKind,
  filter: required(checkFilter),
  seesQueue: required(func),
});

/** A task that a search has found. */
export interface TaskMatch extends LocatedTask {
  /** Null = it has none. */
  readonly business: string | null;
}

/** Searches all queues for the only task with an ID. @throws TaskCenterError `task-not-found`, `task-id-ambiguous` */
async function locateById(
  { inspect }: Pick<Broker, 'inspect'>,
  id: string,
  business: string | null,
): Promise<LocatedTask> {
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
  if (queue === undefined) return locateById(facetsOf(broker, 'inspect'), id, businessId);
  await requireQueue(broker, queue);
  return { queue, id, storedId: storedTaskId(id, businessId) };
}

async function queuesToSearch(
  { inspect }: Pick<Broker, 'inspect'>,
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

/** All tasks that a search selects; none is not an error. @throws TaskCenterError `invalid-value` */
export async function findTasks(broker: Broker, search: TaskSearch): Promise<TaskMatch[]> {
  const { inspect } = facetsOf(broker, 'inspect');
  const queues = await queuesToSearch({ inspect }, checkSearch(search));
  if (queues.length === 0) return [];
  const found = await inspect.find(queues, search.id, search.filter);
  return found.map(({ queue, id, business }) => ({ queue, id: search.id, storedId: id, business }));
}
