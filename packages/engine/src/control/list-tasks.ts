/** Lists of the tasks in one state: of a stored queue, as in the library, and of a logical queue, as over HTTP. */
import { storedQueue, type ListedState, type TaskKind } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { TaskPage, TaskRecord } from '../broker/inspect.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { requireQueue } from './queues.ts';

/** Which page of a list. */
export interface PageOptions {
  /** Tasks per page, 1 to 500. Default 30. */
  readonly limit?: number;
  /** The `cursor` of the previous page. Default: the first page. */
  readonly cursor?: string | null;
  /** The group whose tasks are listed. Required with the state `aggregating`; other states ignore it. */
  readonly group?: string;
}

/** The tasks of a stored queue in one state. */
interface TaskList {
  readonly queue: string;
  readonly state: ListedState;
}

/** Of all lists in the library, as in Asynq. */
export const DEFAULT_PAGE_SIZE = 30;

/** A page of the tasks of a stored queue. @throws TaskCenterError `invalid-value`, `queue-not-found` */
export async function listTasks(
  broker: Broker,
  { queue, state }: TaskList,
  { limit = DEFAULT_PAGE_SIZE, cursor = null, group }: PageOptions,
): Promise<TaskPage> {
  if (state === 'aggregating' && group === undefined) {
    const expected = 'the name of a group';
    throw new TaskCenterError('invalid-value', { name: 'group', got: 'nothing', expected });
  }
  await requireQueue(broker, queue);
  return broker.inspect.list({ queue, state, limit, cursor, ...(group !== undefined && { group }) });
}

/** The tasks of a logical queue in one state. */
interface LogicalTaskList {
  readonly queue: string;
  readonly state: ListedState;
  /** Default: callbacks, then handler tasks. */
  readonly kind?: TaskKind | undefined;
}

/** Where a page starts. */
export interface ListPosition {
  /** Index in the kinds that the list goes through, one after the other. */
  readonly kindIndex: number;
  /** The broker's cursor within this kind; null = its start. */
  readonly cursor: string | null;
}

/** Where the first page starts. */
export const LIST_START: ListPosition = { kindIndex: 0, cursor: null };

interface LogicalTaskPage {
  readonly records: readonly TaskRecord[];
  /** Where the next page starts; null = this is the last page. */
  readonly next: ListPosition | null;
}

const KINDS_IN_ORDER: readonly TaskKind[] = ['callback', 'handler'];

const storedQueuesOf = ({ queue, kind }: LogicalTaskList): string[] =>
  (kind === undefined ? KINDS_IN_ORDER : [kind]).map((each) => storedQueue(queue, each));

/** Up to `limit` tasks, all of one kind before those of the next. A queue that was never used has none. */
export async function listLogicalTasks(
  { inspect }: Broker,
  list: LogicalTaskList,
  { limit, from }: { readonly limit: number; readonly from: ListPosition },
): Promise<LogicalTaskPage> {
  const queues = storedQueuesOf(list);
  const records: TaskRecord[] = [];
  let { kindIndex, cursor } = from;
  for (;;) {
    const queue = queues[kindIndex];
    // The position comes from a caller, who may have made it up.
    if (queue === undefined) return { records, next: null };
    const page = await inspect.list({ queue, state: list.state, limit: limit - records.length, cursor });
    records.push(...page.tasks);
    cursor = page.cursor;
    if (cursor === null) kindIndex += 1;
    if (kindIndex === queues.length) return { records, next: null };
    if (records.length >= limit) return { records, next: { kindIndex, cursor } };
    // The broker may return a short page with a cursor to bound its work: return it, do not read on.
    if (cursor !== null) return { records, next: { kindIndex, cursor } };
  }
}

/** The number of tasks in a list. */
export async function countLogicalTasks({ inspect }: Broker, list: LogicalTaskList): Promise<number> {
  const facts = await inspect.queueFacts(storedQueuesOf(list));
  return facts.reduce((sum, { counts }) => sum + counts[list.state], 0);
}
