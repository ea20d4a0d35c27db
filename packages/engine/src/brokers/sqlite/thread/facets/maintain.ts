import { FIRST_SCAN, nextScan, type ScanMemory } from '../../../../policies/hold-off.ts';
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
export type ForwardedRow = readonly [moved: number, nextDueMs: number | null];

export interface ForwardReply {
  readonly nowMs: number;
  readonly outcomes: readonly ForwardedRow[];
}

const MAX_STEPS = 256;
const clamped = (limit: number): number => Math.max(0, Math.min(limit, MAX_STEPS));

export interface Recovery {
  readonly entry: QueueEntry;
  /** Leases that ended by then are taken back; ms of the monotonic clock. */
  readonly untilMs: number;
  readonly limit: number;
  readonly maxCrashes: number;
}

/** Takes back the tasks of a queue whose leases are over, the oldest lease first. */
export function createRecoverer(store: Store): (recovery: Recovery, nowMs: number) => RecoveredRow {
  const { database, queues, sequence } = store;
  const attempts = createAttempts(database);
  const counters = createCounters(database);
  const select = database.prepare(`SELECT seq, attempts, crashes, started_ms, worker FROM task
    WHERE queue = ? AND state = 2 AND at <= ? ORDER BY at, seq LIMIT ?`);
  const back = database.prepare(
    'UPDATE task SET state = 1, at = ?, pending_since_ms = ?, crashes = crashes + 1 WHERE seq = ?',
  );
  const poison = database.prepare(`UPDATE task SET state = 6, at = ?1, finished_ms = ?1, failed_ms = ?1,
    crashes = crashes + 1, last_error = ?2 WHERE seq = ?3`);

  function lost([seq, number, , startedMs, worker]: SqlRow, nowMs: number): void {
    const name = worker === null || worker === undefined ? null : String(worker);
    const record = { number: Number(number), startedMs: Number(startedMs), finishedMs: nowMs, worker: name };
    attempts.keepLost(Number(seq), record);
  }

  return ({ entry, untilMs, limit, maxCrashes }, nowMs) => {
    const rows = select.all(entry.no, untilMs, limit);
    const first = sequence.ahead(rows.length);
    const tally = counters.tally();
    let archived = 0;
    rows.forEach((row, i) => {
      const [seq, , before] = row;
      const crashes = Number(before) + 1;
      lost(row, nowMs);
      if (crashes >= maxCrashes) {
        archived += poison.run(nowMs, `poison: lost its worker ${crashes} times`, seq ?? null);
        tally.add(entry, { processed: true, failed: true });
      } else {
        back.run(first + i, nowMs, seq ?? null);
      }
    });
    tally.write(nowMs);
    queues.recordMove(entry, { from: ACTIVE, to: PENDING, count: rows.length - archived });
    queues.recordMove(entry, { from: ACTIVE, to: ARCHIVED, count: archived });
    return [rows.length - archived, archived];
  };
}

const DUE = `
  SELECT at, seq, state, in_group IS NULL FROM task WHERE queue = ?1 AND state = 0 AND at <= ?2
  UNION ALL SELECT at, seq, state, in_group IS NULL FROM task WHERE queue = ?1 AND state = 3 AND at <= ?2
  ORDER BY 1, 2 LIMIT ?3`;

function createForwarder({ database, queues, sequence }: Store) {
  const due = database.prepare(DUE);
  const forward = database.prepare('UPDATE task SET state = 1, at = ?, pending_since_ms = ? WHERE seq = ?');
  const join = database.prepare('UPDATE task SET state = 7, at = ? WHERE seq = ?');
  const next = database.prepare(`
    SELECT min(at) FROM (SELECT min(at) AS at FROM task WHERE queue = ?1 AND state = 0
    UNION ALL SELECT min(at) FROM task WHERE queue = ?1 AND state = 3)`);

  return (entry: QueueEntry, limit: number, nowMs: number): ForwardedRow => {
    const rows = due.all(entry.no, nowMs, limit);
    for (const [, seq = null, state, alone] of rows) {
      if (alone === 1) forward.run(sequence.next(), nowMs, seq);
      else join.run(nowMs, seq);
      const to = alone === 1 ? PENDING : AGGREGATING;
      queues.recordMove(entry, { from: state === RETRY ? RETRY : SCHEDULED, to, count: 1 });
    }
    const [nextDueMs] = next.get(entry.no) ?? [];
    return [rows.length, nextDueMs === null || nextDueMs === undefined ? null : Number(nextDueMs)];
  };
}

const OVER = `
  SELECT at, seq, state FROM task WHERE queue = ?1 AND state = 4 AND at <= ?2
  UNION ALL SELECT at, seq, state FROM task WHERE queue = ?1 AND state = 5 AND at <= ?2
  ORDER BY 1, 2 LIMIT ?3`;

function createJanitor({ database, queues }: Store) {
  const over = database.prepare(OVER);
  const statements = ['task', 'body', 'attempt'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );

  return (entry: QueueEntry, limit: number, nowMs: number): number => {
    const rows = over.all(entry.no, nowMs, limit);
    for (const [, seq] of rows) for (const statement of statements) statement.run(seq ?? null);
    const cancelled = rows.filter(([, , state]) => state === CANCELLED).length;
    queues.recordMove(entry, { from: COMPLETED, to: null, count: rows.length - cancelled });
    queues.recordMove(entry, { from: CANCELLED, to: null, count: cancelled });
    return rows.length;
  };
}

/** Free pages are given back to the disk when they are many, a few at a time. */
function createShrinker({ database }: Store): () => void {
  const MIN_PAGES = 4_096;
  const STEP_PAGES = 1_024;
  const free = database.prepare('PRAGMA freelist_count');
  const pages = database.prepare('PRAGMA page_count');
  return () => {
    const unused = Number(free.get()?.[0]);
    if (unused < MIN_PAGES || unused * 4 < Number(pages.get()?.[0])) return;
    database.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
  };
}

export function maintainOperations(store: Store) {
  const { queues } = store;
  const recover = createRecoverer(store);
  const forward = createForwarder(store);
  const expire = createJanitor(store);
  const counters = createCounters(store.database);
  const locks = createLocks(store.database);
  const shrink = createShrinker(store);
  const scans = new Map<QueueEntry, ScanMemory>();

  /** The process may have been stopped: then its workers renew before anything is taken from them. */
  function heldOff(entry: QueueEntry, nowMs: number): boolean {
    const { held, memory } = nextScan(scans.get(entry) ?? FIRST_SCAN, nowMs);
    scans.set(entry, memory);
    return held;
  }

  return {
    recover({ data }: Packet<RecoverCall>, moment: Now): Packet<readonly RecoveredRow[]> {
      const untilMs = Math.floor(moment.monotonicMs);
      const one = ([queue, limit]: StepRow): RecoveredRow => {
        const entry = queues.find(queue);
        if (!entry || heldOff(entry, untilMs) || entry.counts[ACTIVE] === 0) return [0, 0];
        const recovery = { entry, untilMs, limit: clamped(limit), maxCrashes: data.maxCrashes };
        return recover(recovery, moment.wallMs);
      };
      return plain(data.steps.map(one));
    },

    forward({ data }: Packet<readonly StepRow[]>, { wallMs }: Now): Packet<ForwardReply> {
      const outcomes = data.map(([queue, limit]): ForwardedRow => {
        const entry = queues.find(queue);
        return entry ? forward(entry, clamped(limit), wallMs) : [0, null];
      });
      return plain({ nowMs: wallMs, outcomes });
    },

    expire({ data }: Packet<readonly StepRow[]>, { wallMs }: Now): Packet<readonly number[]> {
      const outcomes = data.map(([queue, limit]) => {
        const entry = queues.find(queue);
        return entry ? expire(entry, clamped(limit), wallMs) : 0;
      });
      counters.expire(wallMs);
      locks.expire(wallMs, MAX_STEPS);
      shrink();
      return plain(outcomes);
    },
  };
}
