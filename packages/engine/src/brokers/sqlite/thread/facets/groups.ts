import { MAX_SET_TASKS, MAX_SET_BYTES, SET_MS, type GroupRules } from '../../../../broker/groups.ts';
import { plain, type Packet } from '../../packing.ts';
import type { QueueEntry } from '../queue-registry.ts';
import { AGGREGATING, SCHEDULED, IN_SET } from '../../states.ts';
import type { Now, Store } from '../store.ts';
import { createReader, FIRST, MAX_PAGE_BYTES, type Place, type RecordRow, type Records } from './inspect.ts';
import { createLocks } from '../tables/locks.ts';
import type { StepRow } from './maintain.ts';
import { createStorer, STORED_AS, TAKEN, type EnqueueReply, type NewRow } from './submit.ts';

export interface TakeSetsCall {
  readonly queue: string;
  readonly rules: GroupRules;
  /** IDs of the sets to make, at most so many. */
  readonly setIds: readonly string[];
  /** Look at groups whose name comes after this; null = from the first. */
  readonly after: string | null;
}

export interface TakeSetsReply {
  /** In the order of the set IDs. */
  readonly sets: readonly (readonly [group: string, size: number])[];
  /** Look on after this; null = no group is left. */
  readonly next: string | null;
}

export interface ReadSetCall {
  readonly set: string;
  readonly after: Place | null;
}

export interface ReadSetReply {
  readonly rows: readonly RecordRow[];
  readonly next: Place | null;
}

export interface FinishSetCall {
  readonly queue: string;
  readonly set: string;
  readonly row: NewRow | null;
}

const GROUPS_AT_ONCE = 256;
const PAGE = 256;
const MAX_RECLAIMED = 256;

/** Makes sets of ripe groups. */
function createTaker({ database, queues }: Store) {
  const following = database.prepare(
    'SELECT min(in_group) FROM task WHERE queue = ? AND state = 7 AND in_group > ?',
  );
  const ends = database.prepare(`SELECT
    (SELECT min(at) FROM task WHERE queue = ?1 AND state = 7 AND in_group = ?2),
    (SELECT max(at) FROM task WHERE queue = ?1 AND state = 7 AND in_group = ?2),
    (SELECT count(*) FROM (SELECT 1 FROM task WHERE queue = ?1 AND state = 7 AND in_group = ?2 LIMIT ?3))`);
  const members = database.prepare(
    'SELECT seq, size FROM task WHERE queue = ? AND state = 7 AND in_group = ? ORDER BY at, seq LIMIT ?',
  );
  const setAside = database.prepare('UPDATE task SET state = 8, in_set = ? WHERE seq = ?');
  const add = database.prepare('INSERT INTO aggregation_set (id, queue, until_ms) VALUES (?, ?, ?)');

  function isRipe(entry: QueueEntry, group: string, rules: GroupRules & { readonly nowMs: number }): boolean {
    const { graceMs, maxDelayMs, maxSize, nowMs } = rules;
    const [oldest, newest, count] = ends.get(entry.no, group, Math.max(1, maxSize)) ?? [];
    if (maxSize > 0 && Number(count) >= maxSize) return true;
    if (maxDelayMs > 0 && Number(oldest) <= nowMs - maxDelayMs) return true;
    return Number(newest) <= nowMs - graceMs;
  }

  function take(entry: QueueEntry, group: string, set: { id: string; most: number; nowMs: number }): number {
    let bytes = 0;
    let taken = 0;
    for (const [seq = null, size] of members.all(entry.no, group, set.most)) {
      bytes += Number(size);
      if (bytes > MAX_SET_BYTES && taken > 0) break;
      setAside.run(set.id, seq);
      taken += 1;
    }
    add.run(set.id, entry.no, set.nowMs + SET_MS);
    queues.recordMove(entry, { from: AGGREGATING, to: IN_SET, count: taken });
    return taken;
  }

  return ({ queue, rules, setIds, after }: TakeSetsCall, nowMs: number): TakeSetsReply => {
    const entry = queues.find(queue);
    const sets: [string, number][] = [];
    let group = after ?? '';
    for (let looked = 0; entry && looked < GROUPS_AT_ONCE; looked += 1) {
      const [next] = following.get(entry.no, group) ?? [];
      if (typeof next !== 'string') return { sets, next: null };
      const id = setIds[sets.length];
      if (id === undefined) return { sets, next: group };
      group = next;
      if (!isRipe(entry, group, { ...rules, nowMs })) continue;
      const most = rules.maxSize > 0 ? Math.min(rules.maxSize, MAX_SET_TASKS) : MAX_SET_TASKS;
      sets.push([group, take(entry, group, { id, most, nowMs })]);
    }
    return { sets, next: entry ? group : null };
  };
}

const MEMBERS = 'SELECT seq FROM task WHERE state = 8 AND in_set = ? ORDER BY at, seq LIMIT ?';
const FORGET = 'DELETE FROM aggregation_set WHERE id = ?';

/** Removes a set with its tasks and their locks. */
function createRemover({ database, queues }: Store) {
  const locks = createLocks(database);
  const forget = database.prepare(FORGET);
  const members = database.prepare(MEMBERS);
  const removal = ['task', 'body', 'attempt'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );

  return (entry: QueueEntry, set: string): void => {
    const rows = members.all(set, MAX_SET_TASKS);
    for (const [seq = null] of rows) {
      locks.release(Number(seq));
      for (const statement of removal) statement.run(seq);
    }
    forget.run(set);
    queues.recordMove(entry, { from: IN_SET, to: null, count: rows.length });
  };
}

/** Ends sets: by the task that they became, or by putting them back. */
function createEnders(store: Store) {
  const { database, queues } = store;
  const storeTask = createStorer(store);
  const removeMembers = createRemover(store);
  // From its end on a set goes back, a part at a time: what is made of all of it would stand beside what went back.
  const known = database.prepare(`SELECT 1 FROM aggregation_set WHERE id = ?1 AND queue = ?2 AND until_ms > ?3
    AND EXISTS (SELECT 1 FROM task WHERE state = 8 AND in_set = ?1)`);
  const forget = database.prepare(FORGET);
  const seqs = database.prepare(MEMBERS);
  const back = database.prepare('UPDATE task SET state = 7, in_set = NULL WHERE seq = ?');
  const over = database.prepare(
    'SELECT id FROM aggregation_set WHERE queue = ? AND until_ms <= ? ORDER BY until_ms LIMIT ?',
  );
  return {
    /** Null = the set has gone back. */
    finish({ data, bytes }: Packet<FinishSetCall>, nowMs: number): EnqueueReply | null {
      const entry = queues.find(data.queue);
      if (!entry || !known.get(data.set, entry.no, nowMs)) return null;
      const { row } = data;
      if (row === null) {
        removeMembers(entry, data.set);
        return { nowMs, dues: [], holders: [] };
      }
      const [due, holder] = storeTask(row, { entry, payload: bytes[0] ?? null, nowMs });
      if (holder !== null || due === TAKEN)
        return { nowMs, dues: [due], holders: holder === null ? [] : [holder] };
      queues.recordMove(entry, { from: null, to: STORED_AS[due] ?? SCHEDULED, count: 1 });
      removeMembers(entry, data.set);
      return { nowMs, dues: [due], holders: [] };
    },

    reclaim(entry: QueueEntry, limit: number, nowMs: number): number {
      let count = 0;
      for (const [id = null] of over.all(entry.no, nowMs, limit)) {
        const rows = seqs.all(id, limit - count + 1);
        const fit = rows.slice(0, limit - count);
        for (const [seq = null] of fit) back.run(seq);
        count += fit.length;
        if (fit.length < rows.length) break;
        forget.run(id);
      }
      queues.recordMove(entry, { from: IN_SET, to: AGGREGATING, count });
      return count;
    },
  };
}

export function groupOperations(store: Store) {
  const { database, queues } = store;
  const take = createTaker(store);
  const { finish, reclaim } = createEnders(store);
  const read = createReader(store);
  const page = database.prepare(`SELECT at, seq FROM task
    WHERE state = 8 AND in_set = ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?`);

  return {
    takeSets: ({ data }: Packet<TakeSetsCall>, { wallMs }: Now): Packet<TakeSetsReply> =>
      plain(take(data, wallMs)),

    readSet({ data }: Packet<ReadSetCall>, moment: Now): Packet<ReadSetReply> {
      const [at, seq] = data.after ?? FIRST;
      const found = page.all(data.set, at, seq, PAGE + 1) as Place[];
      const into: Records = { rows: [], bytes: [] };
      let left = MAX_PAGE_BYTES;
      for (const [, one] of found.slice(0, PAGE)) {
        left -= read(into, one, moment);
        if (left <= 0) break;
      }
      const { length } = into.rows;
      const next = length < found.length ? (found[length - 1] ?? null) : null;
      return { data: { rows: into.rows, next }, bytes: into.bytes };
    },

    finishSet: (call: Packet<FinishSetCall>, { wallMs }: Now): Packet<EnqueueReply | null> =>
      plain(finish(call, wallMs)),

    reclaimSets({ data }: Packet<readonly StepRow[]>, { wallMs }: Now): Packet<readonly number[]> {
      const one = ([queue, limit]: StepRow): number => {
        const entry = queues.find(queue);
        return entry ? reclaim(entry, Math.max(1, Math.min(limit, MAX_RECLAIMED)), wallMs) : 0;
      };
      return plain(data.map(one));
    },
  };
}
