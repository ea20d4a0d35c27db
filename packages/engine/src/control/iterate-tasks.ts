import { MAX_PAGE } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { ListRequest, TaskRecord } from '../broker/inspect.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { anyText, wholeNumber } from '../checks/values.ts';
import { checkList, facetsOf, type TaskList } from './arguments.ts';
import type { PageOptions } from './list-tasks.ts';
import { requireQueue } from './queues.ts';

/** Which tasks are gone through. */
export interface IterateOptions extends Pick<PageOptions, 'group'> {
  /** Tasks that are read at once, 1 to 500. Default 100. At most two such pages are held. */
  readonly pageSize?: number;
}

const DEFAULT_READ_SIZE = 100;

const checkIterateOptions = createOptionsCheck<IterateOptions>('iterate', {
  pageSize: wholeNumber(1, MAX_PAGE),
  group: anyText,
});

/** Whether a task has come into its state after a time, by its own times: a list may meet it again then. */
const hasComeSince = ({ startedMs, pendingSinceMs, finishedMs }: TaskRecord, ms: number): boolean =>
  Math.max(startedMs ?? 0, pendingSinceMs ?? 0, finishedMs ?? 0) > ms;

/**
 * All tasks that a stored queue has in a state, in the order of its list. Tasks that come into the state meanwhile are left out
 * where their times tell, and a caller that runs each task does not meet it again after it has failed.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`
 */
export function iterateTasks(
  broker: Broker,
  list: TaskList,
  options: IterateOptions,
): AsyncGenerator<TaskRecord, void, undefined> {
  facetsOf(broker, 'inspect');
  const { pageSize = DEFAULT_READ_SIZE, group } = checkIterateOptions(options);
  checkList(list, group);
  return readPages(broker, { ...list, limit: pageSize, ...(group !== undefined && { group }) });
}

async function* readPages(
  broker: Broker,
  request: Omit<ListRequest, 'cursor'>,
): AsyncGenerator<TaskRecord, void, undefined> {
  await requireQueue(broker, request.queue);
  // The list of a queue that is removed meanwhile is empty.
  let page = await broker.inspect.list({ ...request, cursor: null });
  const sinceMs = page.readMs;
  for (;;) {
    const { tasks, cursor } = page;
    // Read before the caller acts on this page: a cursor is lost if all tasks that it names have left the list.
    const next = cursor === null ? null : await broker.inspect.list({ ...request, cursor });
    for (const task of tasks) if (!hasComeSince(task, sinceMs)) yield task;
    if (next === null) return;
    page = next;
  }
}
