import type { Bytes } from '../../packing.ts';
import { ACTIVE, ARCHIVED, COMPLETED, PENDING, RETRY, type StateNumber } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createAttempts } from '../tables/attempts.ts';
import { createCounters, type Tally } from '../tables/counters.ts';
import { createLocks } from '../tables/locks.ts';

export const DONE = 0;
export const KEEP = 1;
export const RETRY_LATER = 2;
export const GIVE_UP = 3;
export const GIVE_BACK = 4;

/** How an attempt ended. `parts`: what stands beside the task's row, see `LeasedRow`. */
export type FinishRow = readonly [
  how: number,
  queue: number,
  seq: number,
  token: number,
  parts: number,
  attempt: number,
  record: string | null,
  error: string | null,
  delayMs: number,
  failure: 0 | 1,
];

/**
 * What stands beside a task's row, added up: `HAS_BODY` its payload or a result, `HAS_ATTEMPTS` earlier attempts,
 * `HAS_LOCK` a unique lock.
 */
export const HAS_BODY = 1;
export const HAS_ATTEMPTS = 2;
export const HAS_LOCK = 4;

export interface Finishing {
  readonly entries: readonly (QueueEntry | undefined)[];
  readonly rows: readonly FinishRow[];
  readonly results: readonly Bytes[];
}

const AFTER: Readonly<Record<number, StateNumber | null>> = {
  [DONE]: null,
  [KEEP]: COMPLETED,
  [RETRY_LATER]: RETRY,
  [GIVE_UP]: ARCHIVED,
  [GIVE_BACK]: PENDING,
};

const HELD = 'WHERE seq = ? AND state = 2 AND token = ?';

function statementsOf({ database }: Store) {
  return {
    held: database.prepare(`SELECT 1 FROM task ${HELD}`),
    remove: database.prepare(`DELETE FROM task ${HELD}`),
    removeBody: database.prepare('DELETE FROM body WHERE seq = ?'),
    complete: database.prepare(`UPDATE task SET state = 4, at = ?1 + retention_ms, finished_ms = ?1
      WHERE seq = ?2 AND state = 2 AND token = ?3`),
    keepResult: database.prepare(`
      INSERT INTO body (seq, result) VALUES (?, ?) ON CONFLICT DO UPDATE SET result = excluded.result`),
    retry: database.prepare(
      `UPDATE task SET state = 3, at = ?, retried = retried + ?, last_error = ?, failed_ms = ? ${HELD}`,
    ),
    archive:
      database.prepare(`UPDATE task SET state = 6, at = ?1, finished_ms = ?1, failed_ms = ?1, last_error = ?2
      WHERE seq = ?3 AND state = 2 AND token = ?4`),
    giveBack:
      database.prepare(`UPDATE task SET state = 1, at = ?, pending_since_ms = ?, attempts = attempts - 1,
      deferrals = deferrals + 1 ${HELD}`),
  };
}

/** Those given back come before all others, in the order in which they were taken. */
function givingBack(
  { sequence }: Store,
  sql: ReturnType<typeof statementsOf>,
): (rows: readonly FinishRow[], nowMs: number) => (row: FinishRow) => boolean {
  return (rows, nowMs) => {
    const count = rows.filter(([how]) => how === GIVE_BACK).length;
    let rank = count === 0 ? 0 : sequence.ahead(count);
    return ([, , seq, token]) => {
      rank += 1;
      return sql.giveBack.run(rank - 1, nowMs, seq, token) > 0;
    };
  };
}

/** Ends attempts: one number per finish, 1 = accepted, 0 = the lease was lost and nothing was written. */
export function createFinisher(store: Store): (finishing: Finishing, moment: Now) => number[] {
  const sql = statementsOf(store);
  const attempts = createAttempts(store.database);
  const counters = createCounters(store.database);
  const locks = createLocks(store.database);
  const giveBack = givingBack(store, sql);

  function removed(row: FinishRow): boolean {
    const [, , seq, token, parts] = row;
    if (parts & HAS_LOCK && sql.held.get(seq, token)) locks.release(seq);
    if (sql.remove.run(seq, token) === 0) return false;
    if (parts & HAS_BODY) sql.removeBody.run(seq);
    if (parts & HAS_ATTEMPTS) attempts.remove(seq);
    return true;
  }

  function changed(row: FinishRow, nowMs: number): boolean {
    const [how, , seq, token, , , , error, delayMs, failure] = row;
    if (how === KEEP) return sql.complete.run(nowMs, seq, token) > 0;
    if (how === GIVE_UP) return sql.archive.run(nowMs, error, seq, token) > 0;
    return sql.retry.run(nowMs + Math.ceil(delayMs), failure, error, nowMs, seq, token) > 0;
  }

  function ended(row: FinishRow, result: Bytes, nowMs: number): boolean {
    const [how, , seq, , parts, attempt, record] = row;
    if (how === DONE) return removed(row);
    if (!changed(row, nowMs)) return false;
    if (record !== null) attempts.keep(seq, attempt, record);
    if (how === KEEP && parts & HAS_LOCK) locks.release(seq);
    if (how === KEEP && result !== null) sql.keepResult.run(seq, result);
    return true;
  }

  function note(tally: Tally, entry: QueueEntry, [how, , , , , , , , , failure]: FinishRow): void {
    store.queues.recordMove(entry, { from: ACTIVE, to: AFTER[how] ?? null, count: 1 });
    if (how === GIVE_BACK) return;
    const failed = how === GIVE_UP || (how === RETRY_LATER && failure === 1);
    tally.add(entry, { processed: failed || how === DONE || how === KEEP, failed });
  }

  return ({ entries, rows, results }, { wallMs }) => {
    const tally = counters.tally();
    const back = giveBack(rows, wallMs);
    const outcomes = rows.map((row, i) => {
      const entry = entries[row[1]];
      const accepted = row[0] === GIVE_BACK ? back(row) : ended(row, results[i] ?? null, wallMs);
      if (accepted && entry) note(tally, entry, row);
      return accepted ? 1 : 0;
    });
    tally.write(wallMs);
    return outcomes;
  };
}
