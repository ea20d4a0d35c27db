// Aggregation: takes tasks out of a ripe group into a set, which a worker turns into one task. Runs in the writer thread; its
// calls come from main/facets/groups.ts.
import { MAX_BATCH } from '../../../../broker/bounds.ts';
import {
  MAX_SET_TASKS,
  MAX_SET_BYTES,
  SET_MS,
  type FailedSet,
  type GroupRules,
} from '../../../../broker/groups.ts';
import type { GroupSize } from '../../../../broker/inspect.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { plain, type Packet } from '../../packing.ts';
import { NEW_TASK, type NewTaskItem, type Row } from '../../rows.ts';
import { AGGREGATING, IN_SET } from '../../states.ts';
import type { Ending } from '../after-finish.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createPageReader, BEFORE_FIRST, type PageCursor, type RecordPage } from './records.ts';
import { createFailedSets, createSets, OF_SET, type FailSetRequest } from './failed-sets.ts';
import { createTaskStorer, ID_TAKEN, type EnqueueAnswer } from './submit.ts';

/** Asks for one step of the search for groups that are ready. */
export interface TakeSetsRequest {
  readonly queue: string;
  readonly rules: GroupRules;
  /** IDs for the new sets; their number is the limit. */
  readonly setIds: readonly string[];
  /** Begin with the first group whose name comes after this; null = with the first. */
  readonly after: string | null;
}

export interface TakeSetsAnswer {
  /** In the order of the set IDs. */
  readonly sets: readonly GroupSize[];
  /** Groups that were looked at. */
  readonly checked: number;
  /** `after` for the next call; null = no group is left. */
  readonly next: string | null;
}

/** Asks for a page of a set's tasks. */
export interface ReadSetRequest {
  /** ID of the set. */
  readonly set: string;
  /** The last task of the page before; null = from the start. */
  readonly after: PageCursor | null;
}

/** Asks to finish a set. The packet's bytes are one item, the payload of the new task. */
export interface FinishSetRequest {
  readonly queue: string;
  /** ID of the set. */
  readonly set: string;
  /** The task made of the set; null = there is none, its tasks are only removed. */
  readonly row: Row<NewTaskItem> | null;
}

/** Groups looked at in one call. */
const MAX_CHECKED_GROUPS = 256;

/** The tasks of a group that wait for aggregation. Only with these words SQLite uses the index `task_group`. */
export const OF_GROUP = `task WHERE queue = :queue AND state = ${AGGREGATING} AND in_group = :group`;

/** A group, by the number of its queue. */
interface GroupRef {
  readonly queue: number;
  readonly group: string;
}

/** Makes the function that says whether a group is ripe, and the one that finds the group after another. */
function createGroupFinder({ database }: Store) {
  const nextGroup = database.named<GroupRef, { name: string | null }>(`
    SELECT min(in_group) AS name FROM task WHERE queue = :queue AND state = ${AGGREGATING} AND in_group > :group`);
  const groupFacts = database.named<
    GroupRef & { limit: number },
    { oldestMs: number; newestMs: number; count: number }
  >(`SELECT
    (SELECT min(at) FROM ${OF_GROUP}) AS oldestMs,
    (SELECT max(at) FROM ${OF_GROUP}) AS newestMs,
    (SELECT count(*) FROM (SELECT 1 FROM ${OF_GROUP} LIMIT :limit)) AS count`);

  return {
    /** Null = there are no more. */
    nextAfter: (ref: GroupRef): string | null => nextGroup.get(ref)?.name ?? null,
    /** Ripe: full, or its oldest task has waited for too long, or its newest one for the grace period. */
    isRipe(ref: GroupRef, { graceMs, maxDelayMs, maxSize }: GroupRules, nowMs: number): boolean {
      const facts = groupFacts.get({ ...ref, limit: Math.max(1, maxSize) });
      if (!facts) return false;
      if (maxSize > 0 && facts.count >= maxSize) return true;
      if (maxDelayMs > 0 && facts.oldestMs <= nowMs - maxDelayMs) return true;
      return facts.newestMs <= nowMs - graceMs;
    },
  };
}

/** Makes the function that takes sets of ripe groups: those to which one of the rules applies. */
function createSetTaker(store: Store) {
  const { database, queues, tasks } = store;
  const { nextAfter, isRipe } = createGroupFinder(store);
  const members = database.named<
    GroupRef & { limit: number },
    { seq: number; size: number; maxSize: number | null }
  >(`SELECT seq, size, max_set AS maxSize FROM ${OF_GROUP} ORDER BY at, seq LIMIT :limit`);
  const addSet = database.named<{ set: string; queue: number; untilMs: number }>(
    'INSERT INTO aggregation_set (id, queue, until_ms) VALUES (:set, :queue, :untilMs)',
  );

  /** Moves the oldest tasks of the group into a new set, whose size those limit that were in failed sets. Returns how many. */
  function takeSet(
    entry: QueueEntry,
    group: string,
    added: { set: string; maxTasks: number; nowMs: number },
  ): number {
    const { set, maxTasks, nowMs } = added;
    const queue = entry.number;
    let [bytes, count, limit] = [0, 0, maxTasks];
    for (const { seq, size, maxSize } of members.all({ queue, group, limit: maxTasks })) {
      bytes += size;
      limit = Math.min(limit, maxSize ?? limit);
      if (count >= limit || (bytes > MAX_SET_BYTES && count > 0)) break;
      tasks.joinSet({ entry, seq, state: AGGREGATING, set });
      count += 1;
    }
    addSet.run({ set, queue, untilMs: nowMs + SET_MS });
    return count;
  }

  return ({ queue, rules, setIds, after }: TakeSetsRequest, nowMs: number): TakeSetsAnswer => {
    const entry = queues.find(queue);
    const sets: GroupSize[] = [];
    const maxTasks = rules.maxSize > 0 ? Math.min(rules.maxSize, MAX_SET_TASKS) : MAX_SET_TASKS;
    let group = after ?? '';
    let checked = 0;
    for (; entry && checked < MAX_CHECKED_GROUPS; checked += 1) {
      const next = nextAfter({ queue: entry.number, group });
      if (next === null) return { sets, checked, next: null };
      const set = setIds[sets.length];
      if (set === undefined) return { sets, checked, next: group };
      group = next;
      if (!isRipe({ queue: entry.number, group }, rules, nowMs)) continue;
      sets.push({ group, size: takeSet(entry, group, { set, maxTasks, nowMs }) });
    }
    return { sets, checked, next: entry ? group : null };
  };
}

/** Makes the function that ends a set by storing the task made of it. */
function createSetFinisher(store: Store) {
  const { database, queues, tasks, afterFinish } = store;
  const storeTask = createTaskStorer(store);
  const sets = createSets(store);
  // A set whose time is over cannot be finished: some of its tasks may already be back in their group, and would run twice.
  const openSet = database.named<{ set: string; queue: number; nowMs: number }, object>(`
    SELECT 1 FROM aggregation_set WHERE id = :set AND queue = :queue AND until_ms > :nowMs
    AND EXISTS (SELECT 1 FROM ${OF_SET})`);

  /** Removes the set with its tasks and their locks. */
  function removeSet(entry: QueueEntry, set: string, nowMs: number): void {
    const endings = sets.members(set, MAX_SET_TASKS).map(({ seq }): Ending => {
      tasks.remove({ entry, seq, state: IN_SET });
      return { entry, seq, state: null, mayHaveLock: true, attempt: null };
    });
    sets.remove(set);
    afterFinish(endings, nowMs);
  }

  /** Null = the set's time is over, or it has no tasks. If the new task cannot be stored, the set stays as it is. */
  return ({ data, bytes }: Packet<FinishSetRequest>, nowMs: number): EnqueueAnswer | null => {
    const { set, row } = data;
    const entry = queues.find(data.queue);
    if (!entry || !openSet.get({ set, queue: entry.number, nowMs })) return null;
    if (row === null) {
      removeSet(entry, set, nowMs);
      return { nowMs, results: [], holders: [] };
    }
    const context = { entry, payload: bytes[0] ?? null, nowMs };
    const { result, holder } = storeTask(NEW_TASK.fromRow(row), context);
    if (holder !== null) return { nowMs, results: [result], holders: [holder] };
    if (result !== ID_TAKEN) removeSet(entry, set, nowMs);
    return { nowMs, results: [result], holders: [] };
  };
}

export function createGroupHandlers(store: Store) {
  const { database, queues } = store;
  const take = createSetTaker(store);
  const finish = createSetFinisher(store);
  const { fail, reclaim } = createFailedSets(store);
  const readPage = createPageReader(store);
  const page = database.named<PageCursor & { set: string; limit: number }, PageCursor>(
    `SELECT at, seq FROM ${OF_SET} AND (at, seq) > (:at, :seq) ORDER BY at, seq LIMIT :limit`,
  );

  return {
    takeSets: ({ data }: Packet<TakeSetsRequest>, { wallMs }: Now): Packet<TakeSetsAnswer> =>
      plain(take(data, wallMs)),

    /** A page of the set's tasks, in the order in which they joined their group. */
    readSet({ data: { set, after } }: Packet<ReadSetRequest>, now: Now): Packet<RecordPage> {
      const found = page.all({ set, ...(after ?? BEFORE_FIRST), limit: MAX_BATCH + 1 });
      const { rows, next, bytes } = readPage(found, MAX_BATCH, now);
      return { data: { rows, next }, bytes };
    },

    finishSet: (request: Packet<FinishSetRequest>, { wallMs }: Now): Packet<EnqueueAnswer | null> =>
      plain(finish(request, wallMs)),

    failSet: ({ data }: Packet<FailSetRequest>, { wallMs }: Now): Packet<FailedSet> =>
      plain(fail(data, wallMs)),

    reclaimSets({ data }: Packet<readonly Step[]>, { wallMs }: Now): Packet<number[]> {
      const reclaimStep = ({ queue, limit }: Step): number => {
        const entry = queues.find(queue);
        return entry ? reclaim(entry, Math.max(1, Math.min(limit, MAX_BATCH)), wallMs) : 0;
      };
      return plain(data.map(reclaimStep));
    },
  };
}
