// Ending attempts. Runs in the writer thread, as the first half of an exchange (consume.ts).
import type { Bytes } from '../../packing.ts';
import { ACTIVE, ARCHIVED, COMPLETED, PENDING, RETRY, type StateNumber } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createAttempts } from '../tables/attempts.ts';
import { createCounters, type Tally } from '../tables/counters.ts';
import { createLocks } from '../tables/locks.ts';

// What becomes of the task: the codes of `action` in a `FinishRow`.
export const FINISH_REMOVE = 0;
export const FINISH_COMPLETE = 1;
export const FINISH_RETRY = 2;
export const FINISH_ARCHIVE = 3;
export const FINISH_REQUEUE = 4;

/** How an attempt ended. */
export type FinishRow = readonly [
  action: number,
  queue: number,
  seq: number,
  token: number,
  related: number,
  attempt: number,
  record: string | null,
  error: string | null,
  delayMs: number,
  countsAsFailure: 0 | 1,
];

// Which rows of other tables belong to a task: a bit field, `related` in `FinishRow` and `LeasedRow`. The exchange that
// takes a task reads it, and its finish then spares the deletes that would find nothing.
/** Its payload or a result is in `body`. */
export const HAS_BODY = 1;
/** It has attempt records. */
export const HAS_ATTEMPTS = 2;
/** It has a unique lock. */
export const HAS_LOCK = 4;

export interface Finishing {
  /** The queues that `rows` name by index. */
  readonly entries: readonly (QueueEntry | undefined)[];
  readonly rows: readonly FinishRow[];
  /** One per row. */
  readonly results: readonly Bytes[];
}

/** The task's state after each action; null = it is removed. */
const STATE_AFTER: Readonly<Record<number, StateNumber | null>> = {
  [FINISH_REMOVE]: null,
  [FINISH_COMPLETE]: COMPLETED,
  [FINISH_RETRY]: RETRY,
  [FINISH_ARCHIVE]: ARCHIVED,
  [FINISH_REQUEUE]: PENDING,
};

/** Finds a task only while the attempt still has its lease. */
const WHERE_LEASED = 'WHERE seq = ? AND state = 2 AND token = ?';

function statementsOf({ database }: Store) {
  return {
    isLeased: database.prepare(`SELECT 1 FROM task ${WHERE_LEASED}`),
    remove: database.prepare(`DELETE FROM task ${WHERE_LEASED}`),
    removeBody: database.prepare('DELETE FROM body WHERE seq = ?'),
    complete: database.prepare(`UPDATE task SET state = 4, at = ?1 + retention_ms, finished_ms = ?1
      WHERE seq = ?2 AND state = 2 AND token = ?3`),
    keepResult: database.prepare(`
      INSERT INTO body (seq, result) VALUES (?, ?) ON CONFLICT DO UPDATE SET result = excluded.result`),
    retry: database.prepare(
      `UPDATE task SET state = 3, at = ?, retried = retried + ?, last_error = ?, failed_ms = ? ${WHERE_LEASED}`,
    ),
    archive:
      database.prepare(`UPDATE task SET state = 6, at = ?1, finished_ms = ?1, failed_ms = ?1, last_error = ?2
      WHERE seq = ?3 AND state = 2 AND token = ?4`),
    requeue:
      database.prepare(`UPDATE task SET state = 1, at = ?, pending_since_ms = ?, attempts = attempts - 1,
      deferrals = deferrals + 1 ${WHERE_LEASED}`),
  };
}

/**
 * Makes the function that requeues the tasks of one call. They go to the front of the pending tasks, in the order of the
 * call. Each function returns false if the lease was lost.
 */
function createRequeuer(
  { sequence }: Store,
  sql: ReturnType<typeof statementsOf>,
): (rows: readonly FinishRow[], nowMs: number) => (row: FinishRow) => boolean {
  return (rows, nowMs) => {
    const count = rows.filter(([action]) => action === FINISH_REQUEUE).length;
    let next = count === 0 ? 0 : sequence.reserveFront(count);
    return ([, , seq, token]) => {
      next += 1;
      return sql.requeue.run(next - 1, nowMs, seq, token) > 0;
    };
  };
}

/** Ends attempts. Returns one number per finish: 1 = accepted, 0 = the lease was lost and nothing was written. */
export function createFinisher(store: Store): (finishing: Finishing, now: Now) => number[] {
  const sql = statementsOf(store);
  const attempts = createAttempts(store.database);
  const counters = createCounters(store.database);
  const locks = createLocks(store.database);
  const createRequeue = createRequeuer(store, sql);

  /** Removes a task with everything that belongs to it. False = the lease was lost. */
  function remove(row: FinishRow): boolean {
    const [, , seq, token, related] = row;
    // The lock is found by the task's row, so it is released before the row is deleted.
    if (related & HAS_LOCK && sql.isLeased.get(seq, token)) locks.release(seq);
    if (sql.remove.run(seq, token) === 0) return false;
    if (related & HAS_BODY) sql.removeBody.run(seq);
    if (related & HAS_ATTEMPTS) attempts.remove(seq);
    return true;
  }

  /** Completes, archives or schedules a retry. False = the lease was lost. */
  function changeState(row: FinishRow, nowMs: number): boolean {
    const [action, , seq, token, , , , error, delayMs, countsAsFailure] = row;
    if (action === FINISH_COMPLETE) return sql.complete.run(nowMs, seq, token) > 0;
    if (action === FINISH_ARCHIVE) return sql.archive.run(nowMs, error, seq, token) > 0;
    return sql.retry.run(nowMs + Math.ceil(delayMs), countsAsFailure, error, nowMs, seq, token) > 0;
  }

  /** Ends an attempt whose task is not requeued. False = the lease was lost. */
  function end(row: FinishRow, result: Bytes, nowMs: number): boolean {
    const [action, , seq, , related, attempt, record] = row;
    if (action === FINISH_REMOVE) return remove(row);
    if (!changeState(row, nowMs)) return false;
    if (record !== null) attempts.keep(seq, attempt, record);
    if (action === FINISH_COMPLETE && related & HAS_LOCK) locks.release(seq);
    if (action === FINISH_COMPLETE && result !== null) sql.keepResult.run(seq, result);
    return true;
  }

  /** Counts an ended attempt. One that is requeued, or is retried without counting as a failure, was not processed. */
  function count(tally: Tally, entry: QueueEntry, row: FinishRow): void {
    const [action, , , , , , , , , countsAsFailure] = row;
    store.queues.recordMove(entry, { from: ACTIVE, to: STATE_AFTER[action] ?? null, count: 1 });
    if (action === FINISH_REQUEUE) return;
    const failed = action === FINISH_ARCHIVE || (action === FINISH_RETRY && countsAsFailure === 1);
    tally.add(entry, { processed: failed || action === FINISH_REMOVE || action === FINISH_COMPLETE, failed });
  }

  return ({ entries, rows, results }, { wallMs }) => {
    const tally = counters.tally();
    const requeue = createRequeue(rows, wallMs);
    const outcomes = rows.map((row, index) => {
      const [action, queueIndex] = row;
      const entry = entries[queueIndex];
      const isAccepted = action === FINISH_REQUEUE ? requeue(row) : end(row, results[index] ?? null, wallMs);
      if (isAccepted && entry) count(tally, entry, row);
      return isAccepted ? 1 : 0;
    });
    tally.write(wallMs);
    return outcomes;
  };
}
