// The table of tasks: with starts.ts the only module that adds and removes tasks, and that writes their states. Each change of state also
// keeps the counts of its queue. What else must happen when a task or an attempt ends is in after-finish.ts. Runs in the
// writer thread.
import type { TaskRef } from '../../../runtime/events.ts';
import type { Bytes } from '../packing.ts';
import { HAS_ATTEMPTS, HAS_BODY, HAS_LOCK, HAS_LOG, type NewTaskItem, type Related } from '../rows.ts';
import {
  ACTIVE,
  AGGREGATING,
  ARCHIVED,
  COMPLETED,
  IN_SET,
  PENDING,
  RETRY,
  SCHEDULED,
  type StateNumber,
} from '../states.ts';
import { createCancelMoves } from './cancel-moves.ts';
import { createLeases } from './leases.ts';
import { createMover, type MoverDeps, type StoredTask } from './mover.ts';
import type { QueueEntry } from './queue-registry.ts';
import { createStarter } from './starts.ts';
import type { Attempts } from './tables/attempts.ts';
import { INLINE_BYTES, type Bodies } from './tables/bodies.ts';
import type { Locks } from './tables/locks.ts';
import type { LogLines } from './tables/log-lines.ts';

export interface TasksDeps extends MoverDeps {
  readonly attempts: Attempts;
  readonly bodies: Bodies;
  readonly locks: Locks;
  readonly logLines: LogLines;
}

/** For a task whose rows in other tables are not known. */
const ALL_RELATED: Related = HAS_BODY | HAS_ATTEMPTS | HAS_LOCK | HAS_LOG;

/** What workers do with the tasks that they have leased. */
function createLeasedMoves(deps: TasksDeps) {
  const { moveLeased } = createMover(deps);
  return {
    complete: moveLeased<{ nowMs: number }>(
      COMPLETED,
      'at = ?3 + retention_ms, finished_ms = ?3',
      ({ nowMs }) => [nowMs],
    ),
    /** `failures`: how many to count, 0 or 1. */
    retry: moveLeased<{ dueMs: number; failures: number; error: string | null; nowMs: number }>(
      RETRY,
      'at = ?3, retried = retried + ?4, last_error = ?5, failed_ms = ?6',
      ({ dueMs, failures, error, nowMs }) => [dueMs, failures, error, nowMs],
    ),
    archiveFailed: moveLeased<{ error: string | null; nowMs: number }>(
      ARCHIVED,
      'at = ?3, finished_ms = ?3, failed_ms = ?3, last_error = ?4',
      ({ nowMs, error }) => [nowMs, error],
    ),
    /** Gives the task back unfinished: the attempt does not count. */
    requeue: moveLeased<{ order: number; nowMs: number }>(
      PENDING,
      'at = ?3, pending_since_ms = ?4, attempts = attempts - 1, deferrals = deferrals + 1',
      ({ order, nowMs }) => [order, nowMs],
    ),
    /** The same, but the task waits until it is due. */
    defer: moveLeased<{ dueMs: number; waitingFor: string | null }>(
      SCHEDULED,
      'at = ?3, waiting_for = ?4, attempts = attempts - 1, deferrals = deferrals + 1',
      ({ dueMs, waitingFor }) => [dueMs, waitingFor],
    ),
  };
}

/** What people, loops and aggregators do with tasks. `order`: the place among the pending tasks, from the sequence. */
function createMoves(deps: TasksDeps) {
  const { move } = createMover(deps);
  return {
    run: move<{ order: number; nowMs: number }>(
      PENDING,
      'at = :order, pending_since_ms = :nowMs, finished_ms = NULL, cancel = NULL',
    ),
    archive: move<{ nowMs: number }>(ARCHIVED, 'at = :nowMs, finished_ms = :nowMs, cancel = NULL'),
    /** A due task becomes pending. */
    forward: move<{ order: number; nowMs: number }>(PENDING, 'at = :order, pending_since_ms = :nowMs'),
    /** A due task joins its group. */
    forwardToGroup: move<{ nowMs: number }>(AGGREGATING, 'at = :nowMs'),
    /** An attempt was lost with its worker: the task runs again. */
    recover: move<{ order: number; losses: number; crashes: number; nowMs: number }>(
      PENDING,
      'at = :order, pending_since_ms = :nowMs, crashes = :losses, alone_crashes = :crashes',
    ),
    /** An attempt was lost with its worker once too often. */
    archivePoison: move<{ error: string; losses: number; crashes: number; nowMs: number }>(
      ARCHIVED,
      `at = :nowMs, finished_ms = :nowMs, failed_ms = :nowMs, crashes = :losses, alone_crashes = :crashes,
        last_error = :error`,
    ),
    joinSet: move<{ set: string }>(IN_SET, 'in_set = :set'),
    /** Back from its aggregation set into its group. It keeps its place there. */
    leaveSet: move<unknown>(AGGREGATING, 'in_set = NULL'),
  };
}

/** A task to add, and where it begins. */
export interface AddedTask {
  readonly entry: QueueEntry;
  readonly task: NewTaskItem;
  readonly payload: Bytes;
  readonly seq: number;
  readonly state: StateNumber;
  readonly at: number;
  readonly pendingSinceMs: number | null;
}

// prettier-ignore
const ADDED_COLUMNS = [
  'seq', 'queue', 'state', 'at', 'pending_since_ms', 'size', 'payload',
  'id', 'type', 'max_retries', 'timeout_ms', 'deadline_ms', 'retention_ms', 'business', 'meta', 'headers',
  'unique_key', 'in_group',
];

function createAdder({ database, queues, bodies }: TasksDeps) {
  const parameters = ADDED_COLUMNS.map(() => '?');
  const insert = database.prepare(
    `INSERT INTO task (${ADDED_COLUMNS.join(', ')}) VALUES (${parameters.join(', ')}) ON CONFLICT DO NOTHING`,
  );

  return {
    /** False = the queue has a task with this ID; nothing was written. */
    add({ entry, task, payload, seq, state, at, pendingSinceMs }: AddedTask): boolean {
      const size = payload?.length ?? 0;
      const inline = size > INLINE_BYTES ? null : payload;
      // One by one, in the order of `ADDED_COLUMNS`: to spread a list costs 5 % of an insert.
      // prettier-ignore
      const added = insert.run(
        seq, entry.number, state, at, pendingSinceMs, size, inline,
        task.id, task.type, task.maxRetries, task.timeoutMs, task.deadlineMs, task.retentionMs, task.business, task.meta,
        task.headers, task.uniqueKey, task.inGroup,
      );
      if (added === 0) return false;
      if (size > INLINE_BYTES) bodies.addPayload(seq, payload);
      queues.recordMove(entry, { from: null, to: state, count: 1 });
      if (task.business !== null) queues.recordBusiness(entry, task.business);
      return true;
    },
  };
}

/** Removing a task, and replacing its payload. */
function createEditor({ database, queues, awaited, attempts, bodies, locks, logLines }: TasksDeps) {
  const removeRow = database.prepare(
    `DELETE FROM task WHERE seq = ?1 AND (?2 IS NULL OR (state = ${ACTIVE} AND token = ?2))`,
  );
  const setPayload = database.named<{ seq: number; payload: Bytes; size: number }>(
    'UPDATE task SET payload = :payload, size = :size WHERE seq = :seq',
  );
  return {
    /**
     * Removes a task with all its rows. With a token: only while the attempt with this token has its lease; false = it is
     * lost, and nothing was written. `related` spares deletes of rows that are known not to exist.
     */
    remove(
      { entry, seq, state, token = null }: StoredTask & { token?: number | null },
      related = ALL_RELATED,
    ): boolean {
      // The lock is found by the task's row, so it is released before the row is deleted.
      if (related & HAS_LOCK) locks.release(seq, token);
      if (removeRow.run(seq, token) === 0) return false;
      if (related & HAS_BODY) bodies.remove(seq);
      if (related & HAS_ATTEMPTS) attempts.remove(seq);
      if (related & HAS_LOG) logLines.remove(seq);
      queues.recordMove(entry, { from: state, to: null, count: 1 });
      awaited.recordMove(seq, null);
      return true;
    },

    /** A payload may change between the task's row and `body` with its size. */
    replacePayload({ seq }: StoredTask, payload: Bytes): void {
      const size = payload?.length ?? 0;
      const isInline = size <= INLINE_BYTES;
      setPayload.run({ seq, payload: isInline ? payload : null, size });
      bodies.replacePayload(seq, isInline ? null : payload);
    },
  };
}

export function createTasks(deps: TasksDeps) {
  const { database, queues } = deps;
  const find = database.named<{ queue: number; id: string }, { seq: number; state: StateNumber }>(
    'SELECT seq, state FROM task WHERE queue = :queue AND id = :id',
  );
  return {
    ...createLeasedMoves(deps),
    ...createMoves(deps),
    ...createCancelMoves(deps),
    ...createStarter(deps),
    ...createLeases(database),
    ...createAdder(deps),
    ...createEditor(deps),

    /** Null = there is no such task. */
    find({ queue, id }: TaskRef): StoredTask | null {
      const entry = queues.find(queue);
      const row = entry && find.get({ queue: entry.number, id });
      return row ? { entry, ...row } : null;
    },
  };
}

export type Tasks = ReturnType<typeof createTasks>;
