import type { Broker } from '../broker/broker.ts';
import type { TaskRecord } from '../broker/inspect.ts';
import { listTasks, type PageOptions, type TaskList } from './list-tasks.ts';

/** Which tasks are gone through. */
export interface IterateOptions extends Pick<PageOptions, 'group'> {
  /** Tasks that are read at once, 1 to 500. Default 100. At most two such pages are held. */
  readonly pageSize?: number;
}

const DEFAULT_READ_SIZE = 100;

/** Whether a task has come into its state after a time, by its own times: a list may meet it again then. */
const hasComeSince = ({ startedMs, pendingSinceMs, finishedMs }: TaskRecord, ms: number): boolean =>
  Math.max(startedMs ?? 0, pendingSinceMs ?? 0, finishedMs ?? 0) > ms;

/**
 * All tasks that a stored queue has in a state, in the order of its list. Tasks that come into the state meanwhile are left out
 * where their times tell, and a caller that runs each task does not meet it again after it has failed.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`
 */
export async function* iterateTasks(
  broker: Broker,
  list: TaskList,
  { pageSize: limit = DEFAULT_READ_SIZE, ...group }: IterateOptions,
): AsyncGenerator<TaskRecord, void, undefined> {
  let page = await listTasks(broker, list, { limit, ...group });
  const sinceMs = page.readMs;
  for (;;) {
    const { tasks, cursor } = page;
    // Read before the caller acts on this page: a cursor is lost if all tasks that it names have left the list.
    const next = cursor === null ? null : await listTasks(broker, list, { limit, cursor, ...group });
    for (const task of tasks) if (!hasComeSince(task, sinceMs)) yield task;
    if (next === null) return;
    page = next;
  }
}
