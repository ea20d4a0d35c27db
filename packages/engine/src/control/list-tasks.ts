/** Lists of the tasks in one state: of a stored queue, as in the library, and of a logical queue, as over HTTP. */
import { storedQueue, type ListedState, type TaskKind } from '@task-center/model';
import { MAX_PAGE } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { ListRequest, TaskPage, TaskRecord } from '../broker/inspect.ts';
import { createFieldsCheck, createOptionsCheck, required } from '../checks/options.ts';
import { anyText, orNull, wholeNumber, withMethods } from '../checks/values.ts';
import type { Clock } from '../runtime/clock.ts';
import { checkBusinesses, checkKind, checkList, facetsOf, listedState, type TaskList } from './arguments.ts';
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

const checkPage = createOptionsCheck<PageOptions>('list', {
  limit: wholeNumber(1, MAX_PAGE),
  cursor: orNull(anyText),
  group: anyText,
});

/** Of all lists in the library, as in Asynq. */
export const DEFAULT_PAGE_SIZE = 30;

/** A page of the tasks of a stored queue. @throws TaskCenterError `invalid-value`, `queue-not-found` */
export async function listTasks(broker: Broker, list: TaskList, options: PageOptions): Promise<TaskPage> {
  const { limit = DEFAULT_PAGE_SIZE, cursor = null, group } = checkPage(options);
  checkList(list, group);
  const { queue, state } = list;
  await requireQueue(broker, queue);
  return broker.inspect.list({ queue, state, limit, cursor, ...(group !== undefined && { group }) });
}

/** The tasks of a logical queue in one state. */
interface LogicalTaskList {
  readonly queue: string;
  readonly state: ListedState;
  /** Default: callbacks, then handler tasks. */
  readonly kind?: TaskKind | undefined;
  /** Only tasks of these businesses; null = all tasks. Default null. */
  readonly businesses?: readonly string[] | null;
}

const checkLogicalList = createFieldsCheck<LogicalTaskList>('list', {
  queue: required(anyText),
  state: required(listedState),
  kind: checkKind,
  businesses: checkBusinesses,
});

/** Where a page starts. */
export interface ListPosition {
  /** Index in the kinds that the list goes through, one after the other. */
  readonly kindIndex: number;
  /** The broker's cursor within this kind; null = its start. */
  readonly cursor: string | null;
}

const checkPosition = createOptionsCheck<ListPosition>('a position in a list', {
  kindIndex: required(wholeNumber(0)),
  cursor: required(orNull(anyText)),
});

/** Where the first page starts. */
export const LIST_START: ListPosition = { kindIndex: 0, cursor: null };

interface LogicalTaskPage {
  readonly records: readonly TaskRecord[];
  /** Entries of the lists that were looked at. */
  readonly scanned: number;
  /** Where the next page starts; null = this is the last page. */
  readonly next: ListPosition | null;
}

const KINDS_IN_ORDER: readonly TaskKind[] = ['callback', 'handler'];

const storedQueuesOf = ({ queue, kind }: LogicalTaskList): string[] =>
  (kind === undefined ? KINDS_IN_ORDER : [kind]).map((each) => storedQueue(queue, each));

interface LogicalPageOptions {
  readonly limit: number;
  readonly from: ListPosition;
  /** Bounds the search for tasks of some businesses. */
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

const checkLogicalPage = createOptionsCheck<LogicalPageOptions>('listLogicalTasks', {
  limit: required(wholeNumber(1, MAX_PAGE)),
  from: required((from, name) => void checkPosition(from, name)),
  clock: required(withMethods('a clock', ['monotonicMs'])),
});

/** Bounds of a search that skips the tasks of other businesses. It always goes on to a bound: a shorter page would show how many tasks others have. */
const MAX_SEARCH_MS = 200;
const MAX_SEARCHED = 10_000;
/** Bytes of tasks after which a page ends, even with fewer than `limit` tasks. */
const MAX_PAGE_BYTES_SHOWN = 1_048_576;

/** Decides whether a page ends before it is full, to bound the work for it. */
function createPageEnd({ limit, clock }: LogicalPageOptions, isSearch: boolean) {
  const untilMs = clock.monotonicMs() + MAX_SEARCH_MS;
  let bytes = 0;
  return ({ tasks }: TaskPage, { records, scanned }: Omit<LogicalTaskPage, 'next'>): boolean => {
    for (const { payload, result, attempts } of tasks) {
      bytes += (payload?.length ?? 0) + (result?.length ?? 0);
      // Only a search goes on after a page that the broker has ended early.
      if (isSearch) bytes += JSON.stringify(attempts).length;
    }
    if (records.length >= limit || bytes >= MAX_PAGE_BYTES_SHOWN) return true;
    return isSearch && (scanned >= MAX_SEARCHED || clock.monotonicMs() >= untilMs);
  };
}

/**
 * Up to `limit` tasks, all of one kind before those of the next. A queue that was never used has none. For some businesses
 * the tasks of others are skipped until the page is full, for 200 ms or 10,000 tasks at most.
 *
 * @throws TaskCenterError `invalid-value`
 */
export async function listLogicalTasks(
  broker: Broker,
  list: LogicalTaskList,
  options: LogicalPageOptions,
): Promise<LogicalTaskPage> {
  const { inspect } = facetsOf(broker, 'inspect');
  const { limit, from } = checkLogicalPage(options);
  const queues = storedQueuesOf(checkLogicalList(list));
  const only: Pick<ListRequest, 'businesses'> = list.businesses ? { businesses: list.businesses } : {};
  const isSearch = list.businesses !== undefined && list.businesses !== null;
  const isEnd = createPageEnd(options, isSearch);
  const read = { records: [] as TaskRecord[], scanned: 0 };
  let { kindIndex, cursor } = from;
  for (;;) {
    const queue = queues[kindIndex];
    // The position may be that of another version, which had further kinds.
    if (queue === undefined) return { ...read, next: null };
    const room = limit - read.records.length;
    const page = await inspect.list({ queue, state: list.state, limit: room, cursor, ...only });
    read.records.push(...page.tasks);
    read.scanned += page.scanned;
    cursor = page.cursor;
    if (cursor === null) kindIndex += 1;
    if (kindIndex === queues.length) return { ...read, next: null };
    // Without a filter a short page with a cursor bounds the broker's work: it is returned as it is.
    if (isEnd(page, read) || (cursor !== null && !isSearch)) return { ...read, next: { kindIndex, cursor } };
  }
}

/** The number of tasks in a list. @throws TaskCenterError `invalid-value` */
export async function countLogicalTasks(broker: Broker, list: LogicalTaskList): Promise<number> {
  const { inspect } = facetsOf(broker, 'inspect');
  const facts = await inspect.queueFacts(storedQueuesOf(checkLogicalList(list)));
  return facts.reduce((sum, { counts }) => sum + counts[list.state], 0);
}
