// Aggregation sets that were not finished: their tasks go back to their group, in smaller and smaller sets, and one that fails
// alone is archived. Runs in the writer thread.
import { afterFailedSet, setPauseMs, type SetTries } from '@task-center/model';
import { MAX_SET_TASKS, type FailedSet } from '../../../../broker/groups.ts';
import { ARCHIVED, IN_SET } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Store } from '../store.ts';

/** Says that a set was not aggregated. */
export interface FailSetRequest {
  readonly queue: string;
  /** ID of the set. */
  readonly set: string;
  /** Of a task that is archived; null = the failure does not count. */
  readonly error: string | null;
  /** Of a failure that does not count. */
  readonly pauseMs: number;
}

/** The tasks of an aggregation set, by the index `task_set`. */
export const OF_SET = `task WHERE state = ${IN_SET} AND in_set = :set`;
/** Error of a task whose aggregators died, again and again. */
const LOST_WORKER = 'aggregation: the worker was lost with it again and again';

interface Member extends SetTries {
  readonly seq: number;
}

/** Statements on sets that all ways of ending one need. */
export function createSets({ database }: Store) {
  const members = database.named<{ set: string; limit: number }, Member>(
    `SELECT seq, set_tries AS tries, max_set AS maxSize FROM ${OF_SET} ORDER BY at, seq LIMIT :limit`,
  );
  const remove = database.named<{ set: string }>('DELETE FROM aggregation_set WHERE id = :set');
  return {
    /** The first tasks. */
    members: (set: string, limit: number): Member[] => members.all({ set, limit }),
    remove: (set: string): void => void remove.run({ set }),
  };
}

/** Makes the function that counts a failed try against a task. Its last one archives it. */
function createTryCounter({ database, tasks, afterFinish }: Store) {
  const write = database.named<Member>(
    'UPDATE task SET set_tries = :tries, max_set = :maxSize WHERE seq = :seq',
  );
  const writeError = database.named<{ seq: number; nowMs: number; error: string }>(
    'UPDATE task SET set_tries = 0, max_set = NULL, in_set = NULL, failed_ms = :nowMs, last_error = :error WHERE seq = :seq',
  );

  /** Returns whether the task was archived. `size`: of the set that failed. */
  return (member: Member, size: number, at: { entry: QueueEntry; nowMs: number; error: string }): boolean => {
    const { entry, nowMs, error } = at;
    const { seq } = member;
    const next = afterFailedSet(member, size);
    if (next) {
      write.run({ seq, ...next });
      return false;
    }
    tasks.archive({ entry, seq, state: IN_SET, nowMs });
    writeError.run({ seq, nowMs, error });
    afterFinish([{ entry, seq, state: ARCHIVED, mayHaveLock: true, attempt: null }], nowMs);
    return true;
  };
}

/** Makes the function that counts a failed try of a set. Its tasks stay in it for a pause. */
function createFailer(store: Store) {
  const { database, queues } = store;
  const sets = createSets(store);
  const countTry = createTryCounter(store);
  const openSet = database.named<
    { set: string; queue: number; nowMs: number },
    { untilMs: number; isTold: 0 | 1 }
  >(`SELECT until_ms AS untilMs, is_told AS isTold FROM aggregation_set
    WHERE id = :set AND queue = :queue AND until_ms > :nowMs`);
  const tell = database.named<{ set: string; untilMs: number }>(
    'UPDATE aggregation_set SET until_ms = :untilMs, is_told = 1 WHERE id = :set',
  );

  return ({ queue, set, error, pauseMs: uncountedMs }: FailSetRequest, nowMs: number): FailedSet => {
    const entry = queues.find(queue);
    const open = entry && openSet.get({ set, queue: entry.number, nowMs });
    if (!entry || !open) return { code: 'set-lost' };
    if (open.isTold === 1) return { code: 'retry', pauseMs: open.untilMs - nowMs };
    const found = error === null ? [] : sets.members(set, MAX_SET_TASKS);
    let pauseMs = error === null ? uncountedMs : 0;
    for (const member of found) {
      pauseMs = Math.max(pauseMs, setPauseMs(member.tries, found.length));
      // Only the one task of a set can be archived.
      if (!countTry(member, found.length, { entry, nowMs, error: error ?? '' })) continue;
      sets.remove(set);
      return { code: 'archived' };
    }
    tell.run({ set, untilMs: nowMs + pauseMs });
    return { code: 'retry', pauseMs };
  };
}

/** Makes the function that puts the tasks of sets whose time is over back into their groups, at most `limit`. It returns how many. */
function createReclaimer(store: Store) {
  const { database, tasks } = store;
  const sets = createSets(store);
  const countTry = createTryCounter(store);
  const expiredSets = database.named<
    { queue: number; nowMs: number; limit: number },
    { id: string; isTold: 0 | 1 }
  >(`SELECT id, is_told AS isTold FROM aggregation_set
    WHERE queue = :queue AND until_ms <= :nowMs ORDER BY until_ms LIMIT :limit`);

  return (entry: QueueEntry, limit: number, nowMs: number): number => {
    let count = 0;
    for (const { id, isTold } of expiredSets.all({ queue: entry.number, nowMs, limit })) {
      // One more than may be put back, which tells whether the set is then empty.
      const found = sets.members(id, limit - count + 1);
      const reclaimed = found.slice(0, limit - count);
      for (const member of reclaimed) {
        const { seq, maxSize } = member;
        // A part of a large set may be back already: its size is what it may be at most.
        const size = maxSize ?? MAX_SET_TASKS;
        const isOver = isTold === 0 && countTry(member, size, { entry, nowMs, error: LOST_WORKER });
        if (!isOver) tasks.leaveSet({ entry, seq, state: IN_SET });
      }
      count += reclaimed.length;
      if (reclaimed.length < found.length) break;
      sets.remove(id);
    }
    return count;
  };
}

export const createFailedSets = (store: Store) => ({
  fail: createFailer(store),
  reclaim: createReclaimer(store),
});
