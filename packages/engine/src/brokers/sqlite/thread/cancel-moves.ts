// Cancelling tasks: those that wait, at once; those that run, when their attempts end without a success. Until then the column
// `cancel` of an active task has the request. A part of tasks.ts. Runs in the writer thread.
import { MIN_CANCELLED_MS } from '../../../broker/control.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import { ACTIVE, CANCELLED } from '../states.ts';
import type { Database } from './database.ts';
import { createMover, type MoverDeps, type StoredTask } from './mover.ts';

/** It is kept for its retention, but at least for `MIN_CANCELLED_MS`. */
const ENDED = `at = :nowMs + max(retention_ms, ${MIN_CANCELLED_MS}), finished_ms = :nowMs`;

/** The newest attempt of a task. */
export interface NewestAttempt {
  readonly attempts: number;
  readonly startedMs: number;
  readonly worker: string | null;
}

function cancelStatements(database: Database) {
  return {
    store: database.named<{ seq: number; cancellation: string }>(
      `UPDATE task SET cancel = :cancellation WHERE seq = :seq AND state = ${ACTIVE} AND cancel IS NULL`,
    ),
    newest: database.named<{ seq: number; token: number }, NewestAttempt>(`
    SELECT attempts, started_ms AS startedMs, worker FROM task
    WHERE seq = :seq AND state = ${ACTIVE} AND token = :token`),
    // CROSS JOIN: by the index of each queue's active tasks, and not through all tasks.
    allRequested: database.named<void, { seq: number }>(`
    SELECT task.seq AS seq FROM queue CROSS JOIN task ON task.queue = queue.no AND task.state = ${ACTIVE}
    WHERE task.cancel IS NOT NULL`),
    find: database.named<{ queue: number; id: string }, { seq: number }>(
      'SELECT seq FROM task WHERE queue = :queue AND id = :id',
    ),
  };
}

export function createCancelMoves(deps: MoverDeps) {
  const { database, queues } = deps;
  const { move } = createMover(deps);
  /** Rows of active tasks with a request: others pay no query. After a restart no task is active. */
  const requested = new Set<number>();
  const { store, newest, allRequested, find } = cancelStatements(database);
  const endCancelling = move<{ nowMs: number }>(CANCELLED, ENDED);
  const endLost = move<{ nowMs: number }>(CANCELLED, `${ENDED}, crashes = crashes + 1`);

  return {
    /** A task that waits. `cancellation` is JSON. */
    cancel: move<{ cancellation: string; nowMs: number }>(CANCELLED, `${ENDED}, cancel = :cancellation`),
    /** Stores the request for an active task. The first one stays. */
    requestCancel({ seq }: StoredTask, cancellation: string): void {
      store.run({ seq, cancellation });
      requested.add(seq);
    },
    /** After a rollback: what was remembered may not have happened, and what was forgotten still stands. */
    reloadRequests(): void {
      requested.clear();
      for (const { seq } of allRequested.all()) requested.add(seq);
    },
    isCancelRequested({ queue, id }: TaskRef): boolean {
      const entry = requested.size > 0 ? queues.find(queue) : undefined;
      const row = entry && find.get({ queue: entry.number, id });
      return row !== undefined && requested.has(row.seq);
    },
    /** The attempt that has the lease, if its task must be cancelled; null = it need not, or the lease is lost. */
    cancellingAttempt: ({ seq, token }: { seq: number; token: number }): NewestAttempt | null =>
      requested.has(seq) ? (newest.get({ seq, token }) ?? null) : null,
    /** Its attempt has ended without a success. */
    endCancelling(task: StoredTask & { nowMs: number }): void {
      endCancelling(task);
      requested.delete(task.seq);
    },
    /** Its attempt was lost with its worker. */
    cancelLost(task: StoredTask & { nowMs: number }): void {
      endLost(task);
      requested.delete(task.seq);
    },
    /** It has succeeded all the same: the request came too late. */
    dropRequest: (seq: number): void => void requested.delete(seq),
  };
}
