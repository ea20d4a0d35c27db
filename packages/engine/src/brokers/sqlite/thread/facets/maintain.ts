// The work of the recoverer, the forwarder and the janitor, in bounded steps: expired leases back to pending, due tasks to
// pending, expired tasks removed. Runs in the writer thread; its calls come from main/facets/maintain.ts.
import { nextScan, NO_SCAN_YET, type ScanMemory } from '@task-center/model';
import { MAX_BATCH } from '../../../../broker/bounds.ts';
import { plain, type Packet } from '../../packing.ts';
import {
  ACTIVE,
  AGGREGATING,
  ARCHIVED,
  CANCELLED,
  COMPLETED,
  PENDING,
  RETRY,
  SCHEDULED,
} from '../../states.ts';
import type { SqlRow } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createAttempts } from '../tables/attempts.ts';
import { createCounters } from '../tables/counters.ts';
import { createLocks } from '../tables/locks.ts';

export type StepRow = readonly [queue: string, limit: number];

export interface RecoverCall {
  readonly steps: readonly StepRow[];
  readonly maxCrashes: number;
}

export type RecoveredRow = readonly [recovered: number, archived: number];
/** `nextDueMs`: wall-clock ms; null = nothing is scheduled. */
export type ForwardedRow = readonly [moved: number, nextDueMs: number | null];

export interface ForwardReply {
  readonly nowMs: number;
  readonly outcomes: readonly ForwardedRow[];
}

const clampLimit = (limit: number): number => Math.max(0, Math.min(limit, MAX_BATCH));

export interface Recovery {
  readonly entry: QueueEntry;
  /** Leases that ended at this time or before are taken back; ms of the monotonic clock. */
  readonly untilMs: number;
  readonly limit: number;
  /** A task that was lost with its worker this often is archived as poison. */
  readonly maxCrashes: number;
}

/**
 * Makes the function that takes back the tasks of a queue whose leases have expired, the oldest lease first. They go to
 * the front of the pending tasks.
 */
export function createRecoverer(store: Store): (recovery: Recovery, nowMs: number) => RecoveredRow {
  const { database, queues, sequence } = store;
  const attempts = createAttempts(database);
  const counters = createCounters(database);
  const select = database.prepare(`SELECT seq, attempts, crashes, started_ms, worker FROM task
    WHERE queue = ? AND state = 2 AND at <= ? ORDER BY at, seq LIMIT ?`);
  const putBack = database.prepare(
    'UPDATE task SET state = 1, at = ?, pending_since_ms = ?, crashes = crashes + 1 WHERE seq = ?',
  );
  const archivePoison =
    database.prepare(`UPDATE task SET state = 6, at = ?1, finished_ms = ?1, failed_ms = ?1,
    crashes = crashes + 1, last_error = ?2 WHERE seq = ?3`);

  function recordLostAttempt([seq, attempt, , startedMs, worker = null]: SqlRow, nowMs: number): void {
    attempts.keepLost(Number(seq), {
      number: Number(attempt),
      startedMs: Number(startedMs),
      finishedMs: nowMs,
      worker: worker === null ? null : String(worker),
    });
  }

  return ({ entry, untilMs, limit, maxCrashes }, nowMs) => {
    const rows = select.all(entry.number, untilMs, limit);
    const firstNumber = sequence.reserveFront(rows.length);
    const tally = counters.tally();
    let archived = 0;
    rows.forEach((row, index) => {
      const [seq, , earlierCrashes] = row;
      const crashes = Number(earlierCrashes) + 1;
      recordLostAttempt(row, nowMs);
      if (crashes >= maxCrashes) {
        archived += archivePoison.run(nowMs, `poison: lost its worker ${crashes} times`, seq ?? null);
        tally.add(entry, { processed: true, failed: true });
      } else {
        putBack.run(firstNumber + index, nowMs, seq ?? null);
      }
    });
    tally.write(nowMs);
    queues.recordMove(entry, { from: ACTIVE, to: PENDING, count: rows.length - archived });
    queues.recordMove(entry, { from: ACTIVE, to: ARCHIVED, count: archived });
    return [rows.length - archived, archived];
  };
}

const SELECT_DUE = `
  SELECT at, seq, state, in_group IS NULL FROM task WHERE queue = ?1 AND state = 0 AND at <= ?2
  UNION ALL SELECT at, seq, state, in_group IS NULL FROM task WHERE queue = ?1 AND state = 3 AND at <= ?2
  ORDER BY 1, 2 LIMIT ?3`;

/** Makes the function that moves due tasks to pending or into their group, the earliest first. */
function createForwarder({ database, queues, sequence }: Store) {
  const dueTasks = database.prepare(SELECT_DUE);
  const makePending = database.prepare(
    'UPDATE task SET state = 1, at = ?, pending_since_ms = ? WHERE seq = ?',
  );
  const joinGroup = database.prepare('UPDATE task SET state = 7, at = ? WHERE seq = ?');
  const nextDue = database.prepare(`
    SELECT min(at) FROM (SELECT min(at) AS at FROM task WHERE queue = ?1 AND state = 0
    UNION ALL SELECT min(at) FROM task WHERE queue = ?1 AND state = 3)`);

  return (entry: QueueEntry, limit: number, nowMs: number): ForwardedRow => {
    const rows = dueTasks.all(entry.number, nowMs, limit);
    for (const [, seq = null, state, isWithoutGroup] of rows) {
      if (isWithoutGroup === 1) makePending.run(sequence.next(), nowMs, seq);
      else joinGroup.run(nowMs, seq);
      const to = isWithoutGroup === 1 ? PENDING : AGGREGATING;
      queues.recordMove(entry, { from: state === RETRY ? RETRY : SCHEDULED, to, count: 1 });
    }
    const [nextDueMs = null] = nextDue.get(entry.number) ?? [];
    return [rows.length, nextDueMs === null ? null : Number(nextDueMs)];
  };
}

const SELECT_EXPIRED = `
  SELECT at, seq, state FROM task WHERE queue = ?1 AND state = 4 AND at <= ?2
  UNION ALL SELECT at, seq, state FROM task WHERE queue = ?1 AND state = 5 AND at <= ?2
  ORDER BY 1, 2 LIMIT ?3`;

/** Makes the function that removes completed and cancelled tasks whose retention is over. */
function createJanitor({ database, queues }: Store) {
  const expiredTasks = database.prepare(SELECT_EXPIRED);
  const removal = ['task', 'body', 'attempt'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );

  return (entry: QueueEntry, limit: number, nowMs: number): number => {
    const rows = expiredTasks.all(entry.number, nowMs, limit);
    for (const [, seq = null] of rows) for (const statement of removal) statement.run(seq);
    const cancelled = rows.filter(([, , state]) => state === CANCELLED).length;
    queues.recordMove(entry, { from: COMPLETED, to: null, count: rows.length - cancelled });
    queues.recordMove(entry, { from: CANCELLED, to: null, count: cancelled });
    return rows.length;
  };
}

/** The file is shrunk when it has at least this many free pages, and they are at least a quarter of it. */
const MIN_FREE_PAGES = 4_096;
/** Pages returned to the disk in one step, which bounds its time. */
const SHRINK_PAGES = 1_024;

/** Makes the function that shrinks the file by one step. */
function createShrinker({ database }: Store): () => void {
  const freePages = database.prepare('PRAGMA freelist_count');
  const allPages = database.prepare('PRAGMA page_count');
  return () => {
    const free = Number(freePages.get()?.[0]);
    if (free < MIN_FREE_PAGES || free * 4 < Number(allPages.get()?.[0])) return;
    database.exec(`PRAGMA incremental_vacuum(${SHRINK_PAGES})`);
  };
}

export function createMaintainHandlers(store: Store) {
  const { queues } = store;
  const recover = createRecoverer(store);
  const forward = createForwarder(store);
  const expire = createJanitor(store);
  const counters = createCounters(store.database);
  const locks = createLocks(store.database);
  const shrink = createShrinker(store);
  const scans = new Map<QueueEntry, ScanMemory>();

  /**
   * Records a scan of the queue. True = nothing may be taken back in this scan: the process may have been stopped, and
   * its live workers must be able to renew their leases first.
   */
  function holdOff(entry: QueueEntry, nowMs: number): boolean {
    const { isHeldOff, memory } = nextScan(scans.get(entry) ?? NO_SCAN_YET, nowMs);
    scans.set(entry, memory);
    return isHeldOff;
  }

  return {
    /** Per step: how many tasks are pending again, and how many were archived. */
    recover({ data }: Packet<RecoverCall>, now: Now): Packet<readonly RecoveredRow[]> {
      const untilMs = Math.floor(now.monotonicMs);
      const recoverStep = ([queue, limit]: StepRow): RecoveredRow => {
        const entry = queues.find(queue);
        if (!entry || holdOff(entry, untilMs) || entry.counts[ACTIVE] === 0) return [0, 0];
        const recovery = { entry, untilMs, limit: clampLimit(limit), maxCrashes: data.maxCrashes };
        return recover(recovery, now.wallMs);
      };
      return plain(data.steps.map(recoverStep));
    },

    /** Per step: how many tasks were moved, and when the next one is due. */
    forward({ data }: Packet<readonly StepRow[]>, { wallMs }: Now): Packet<ForwardReply> {
      const outcomes = data.map(([queue, limit]): ForwardedRow => {
        const entry = queues.find(queue);
        return entry ? forward(entry, clampLimit(limit), wallMs) : [0, null];
      });
      return plain({ nowMs: wallMs, outcomes });
    },

    /** Also removes expired counters and locks, and shrinks the file, by one step each. */
    expire({ data }: Packet<readonly StepRow[]>, { wallMs }: Now): Packet<readonly number[]> {
      const outcomes = data.map(([queue, limit]) => {
        const entry = queues.find(queue);
        return entry ? expire(entry, clampLimit(limit), wallMs) : 0;
      });
      counters.expire(wallMs);
      locks.expire(wallMs, MAX_BATCH);
      shrink();
      return plain(outcomes);
    },
  };
}
