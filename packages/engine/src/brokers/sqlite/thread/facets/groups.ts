// Aggregation: takes tasks out of a ripe group into a set, which a worker turns into one task. Runs in the writer thread; its
// calls come from main/facets/groups.ts.
import { MAX_SET_TASKS, MAX_SET_BYTES, SET_MS, type GroupRules } from '../../../../broker/groups.ts';
import { plain, type Packet } from '../../packing.ts';
import type { QueueEntry } from '../queue-registry.ts';
import { AGGREGATING, SCHEDULED, IN_SET } from '../../states.ts';
import type { Now, Store } from '../store.ts';
import {
  createRecordReader,
  BEFORE_FIRST,
  MAX_PAGE_BYTES,
  type PageCursor,
  type RecordRow,
  type RecordBuffer,
} from './inspect.ts';
import { createLocks } from '../tables/locks.ts';
import type { StepRow } from './maintain.ts';
import { createTaskStorer, STATE_BY_RESULT, ID_TAKEN, type EnqueueReply, type NewRow } from './submit.ts';

export interface TakeSetsCall {
  readonly queue: string;
  readonly rules: GroupRules;
  /** IDs for the new sets; their number is the limit. */
  readonly setIds: readonly string[];
  /** Begin with the first group whose name comes after this; null = with the first. */
  readonly after: string | null;
}

export interface TakeSetsReply {
  /** In the order of the set IDs. */
  readonly sets: readonly (readonly [group: string, size: number])[];
  /** `after` for the next call; null = no group is left. */
  readonly next: string | null;
}

export interface ReadSetCall {
  /** ID of the set. */
  readonly set: string;
  readonly after: PageCursor | null;
}

export interface ReadSetReply {
  readonly rows: readonly RecordRow[];
  readonly next: PageCursor | null;
}

export interface FinishSetCall {
  readonly queue: string;
  readonly set: string;
  /** The task made of the set; null = there is none, its tasks are only removed. */
  readonly row: NewRow | null;
}

/** Groups looked at in one call. */
const MAX_GROUPS = 256;
const PAGE = 256;
/** Tasks put back into their groups in one call. */
const MAX_RECLAIMED = 256;

/** Makes the function that takes sets of ripe groups: those to which one of the rules applies. */
function createTaker({ database, queues }: Store) {
  const nextGroup = database.prepare(
    'SELECT min(in_group) FROM task WHERE queue = ? AND state = 7 AND in_group > ?',
  );
  const groupFacts = database.prepare(`SELECT
    (SELECT min(at) FROM task WHERE queue = ?1 AND state = 7 AND in_group = ?2),
    (SELECT max(at) FROM task WHERE queue = ?1 AND state = 7 AND in_group = ?2),
    (SELECT count(*) FROM (SELECT 1 FROM task WHERE queue = ?1 AND state = 7 AND in_group = ?2 LIMIT ?3))`);
  const members = database.prepare(
    'SELECT seq, size FROM task WHERE queue = ? AND state = 7 AND in_group = ? ORDER BY at, seq LIMIT ?',
  );
  const moveToSet = database.prepare('UPDATE task SET state = 8, in_set = ? WHERE seq = ?');
  const addSet = database.prepare('INSERT INTO aggregation_set (id, queue, until_ms) VALUES (?, ?, ?)');

  /** Ripe: full, or its oldest task has waited for too long, or its newest one for the grace period. */
  function isRipe(entry: QueueEntry, group: string, rules: GroupRules & { readonly nowMs: number }): boolean {
    const { graceMs, maxDelayMs, maxSize, nowMs } = rules;
    const [oldest, newest, count] = groupFacts.get(entry.number, group, Math.max(1, maxSize)) ?? [];
    if (maxSize > 0 && Number(count) >= maxSize) return true;
    if (maxDelayMs > 0 && Number(oldest) <= nowMs - maxDelayMs) return true;
    return Number(newest) <= nowMs - graceMs;
  }

  /** Moves the oldest tasks of the group into a new set. Returns how many. */
  function takeSet(
    entry: QueueEntry,
    group: string,
    set: { id: string; maxTasks: number; nowMs: number },
  ): number {
    let bytes = 0;
    let count = 0;
    for (const [seq = null, size] of members.all(entry.number, group, set.maxTasks)) {
      bytes += Number(size);
      if (bytes > MAX_SET_BYTES && count > 0) break;
      moveToSet.run(set.id, seq);
      count += 1;
    }
    addSet.run(set.id, entry.number, set.nowMs + SET_MS);
    queues.recordMove(entry, { from: AGGREGATING, to: IN_SET, count });
    return count;
  }

  return ({ queue, rules, setIds, after }: TakeSetsCall, nowMs: number): TakeSetsReply => {
    const entry = queues.find(queue);
    const sets: [string, number][] = [];
    let group = after ?? '';
    for (let visited = 0; entry && visited < MAX_GROUPS; visited += 1) {
      const [next] = nextGroup.get(entry.number, group) ?? [];
      if (typeof next !== 'string') return { sets, next: null };
      const id = setIds[sets.length];
      if (id === undefined) return { sets, next: group };
      group = next;
      if (!isRipe(entry, group, { ...rules, nowMs })) continue;
      const maxTasks = rules.maxSize > 0 ? Math.min(rules.maxSize, MAX_SET_TASKS) : MAX_SET_TASKS;
      sets.push([group, takeSet(entry, group, { id, maxTasks, nowMs })]);
    }
    return { sets, next: entry ? group : null };
  };
}

const SELECT_MEMBERS = 'SELECT seq FROM task WHERE state = 8 AND in_set = ? ORDER BY at, seq LIMIT ?';
const DELETE_SET = 'DELETE FROM aggregation_set WHERE id = ?';

/** Makes the function that removes a set with its tasks and their locks. */
function createRemover({ database, queues }: Store) {
  const locks = createLocks(database);
  const deleteSet = database.prepare(DELETE_SET);
  const members = database.prepare(SELECT_MEMBERS);
  const removal = ['task', 'body', 'attempt'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );

  return (entry: QueueEntry, set: string): void => {
    const rows = members.all(set, MAX_SET_TASKS);
    for (const [seq = null] of rows) {
      locks.release(Number(seq));
      for (const statement of removal) statement.run(seq);
    }
    deleteSet.run(set);
    queues.recordMove(entry, { from: IN_SET, to: null, count: rows.length });
  };
}

/** Makes the functions that end sets: by storing the task made of them, or by putting their tasks back. */
function createEnders(store: Store) {
  const { database, queues } = store;
  const storeTask = createTaskStorer(store);
  const removeSet = createRemover(store);
  // A set whose time is over cannot be finished: some of its tasks may already be back in their group, and would run twice.
  const isOpen =
    database.prepare(`SELECT 1 FROM aggregation_set WHERE id = ?1 AND queue = ?2 AND until_ms > ?3
    AND EXISTS (SELECT 1 FROM task WHERE state = 8 AND in_set = ?1)`);
  const deleteSet = database.prepare(DELETE_SET);
  const members = database.prepare(SELECT_MEMBERS);
  const putBack = database.prepare('UPDATE task SET state = 7, in_set = NULL WHERE seq = ?');
  const expiredSets = database.prepare(
    'SELECT id FROM aggregation_set WHERE queue = ? AND until_ms <= ? ORDER BY until_ms LIMIT ?',
  );
  return {
    /** Null = the set's time is over, or it has no tasks. If the new task cannot be stored, the set stays as it is. */
    finish({ data, bytes }: Packet<FinishSetCall>, nowMs: number): EnqueueReply | null {
      const entry = queues.find(data.queue);
      if (!entry || !isOpen.get(data.set, entry.number, nowMs)) return null;
      const { row } = data;
      if (row === null) {
        removeSet(entry, data.set);
        return { nowMs, results: [], holders: [] };
      }
      const [result, holder] = storeTask(row, { entry, payload: bytes[0] ?? null, nowMs });
      if (holder !== null || result === ID_TAKEN)
        return { nowMs, results: [result], holders: holder === null ? [] : [holder] };
      queues.recordMove(entry, { from: null, to: STATE_BY_RESULT[result] ?? SCHEDULED, count: 1 });
      removeSet(entry, data.set);
      return { nowMs, results: [result], holders: [] };
    },

    /** Puts at most `limit` tasks of sets whose time is over back into their groups. Returns how many. */
    reclaim(entry: QueueEntry, limit: number, nowMs: number): number {
      let count = 0;
      for (const [id = null] of expiredSets.all(entry.number, nowMs, limit)) {
        // One more than may be put back, which tells whether the set is then empty.
        const rows = members.all(id, limit - count + 1);
        const reclaimed = rows.slice(0, limit - count);
        for (const [seq = null] of reclaimed) putBack.run(seq);
        count += reclaimed.length;
        if (reclaimed.length < rows.length) break;
        deleteSet.run(id);
      }
      queues.recordMove(entry, { from: IN_SET, to: AGGREGATING, count });
      return count;
    },
  };
}

export function createGroupHandlers(store: Store) {
  const { database, queues } = store;
  const take = createTaker(store);
  const { finish, reclaim } = createEnders(store);
  const read = createRecordReader(store);
  const page = database.prepare(`SELECT at, seq FROM task
    WHERE state = 8 AND in_set = ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?`);

  return {
    takeSets: ({ data }: Packet<TakeSetsCall>, { wallMs }: Now): Packet<TakeSetsReply> =>
      plain(take(data, wallMs)),

    /** A page of the set's tasks, in the order in which they joined their group. */
    readSet({ data }: Packet<ReadSetCall>, now: Now): Packet<ReadSetReply> {
      const [afterAt, afterSeq] = data.after ?? BEFORE_FIRST;
      const found = page.all(data.set, afterAt, afterSeq, PAGE + 1) as PageCursor[];
      const records: RecordBuffer = { rows: [], bytes: [] };
      let bytesLeft = MAX_PAGE_BYTES;
      for (const [, seq] of found.slice(0, PAGE)) {
        bytesLeft -= read(records, seq, now);
        if (bytesLeft <= 0) break;
      }
      const { length } = records.rows;
      const next = length < found.length ? (found[length - 1] ?? null) : null;
      return { data: { rows: records.rows, next }, bytes: records.bytes };
    },

    finishSet: (call: Packet<FinishSetCall>, { wallMs }: Now): Packet<EnqueueReply | null> =>
      plain(finish(call, wallMs)),

    reclaimSets({ data }: Packet<readonly StepRow[]>, { wallMs }: Now): Packet<readonly number[]> {
      const reclaimStep = ([queue, limit]: StepRow): number => {
        const entry = queues.find(queue);
        return entry ? reclaim(entry, Math.max(1, Math.min(limit, MAX_RECLAIMED)), wallMs) : 0;
      };
      return plain(data.map(reclaimStep));
    },
  };
}
