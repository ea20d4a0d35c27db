import type { AttemptRecord } from '@task-center/model';

/** Identifies a task. `queue` is the stored queue (`orders` or `orders~cb`), `id` is the stored ID. */
export interface TaskRef {
  readonly queue: string;
  readonly id: string;
}

/**
 * How an attempt ended:
 *
 * - `succeeded`: its handler returned.
 * - `failed`: the task will be retried.
 * - `archived`: it failed, and the task is archived.
 * - `revoked`: its handler threw `RevokeError`, and the task was removed.
 * - `deferred`: it was given back unfinished, because the worker stopped; nothing is counted. A task that did not start here has no such event.
 * - `cancelled`: it did not succeed, and the task has ended as cancelled, as somebody had asked.
 * - `lost`: its lease was lost, and its outcome was dropped.
 */
export type AttemptOutcome =
  'succeeded' | 'failed' | 'archived' | 'revoked' | 'deferred' | 'cancelled' | 'lost';

/**
 * Why a lease is lost:
 *
 * - `expired`: it was not renewed in time.
 * - `taken`: a renewal was refused, because another worker has the task, or the task is gone.
 * - `stalled`: it was given up, because the event loop was blocked for too long.
 * - `refused`: the broker has refused the end of the attempt, which came too late: a stale acknowledgement.
 */
export type LeaseLossCause = 'expired' | 'taken' | 'stalled' | 'refused';

/** Submissions, attempts and their leases. */
export interface TaskEvents {
  /**
   * Emitted when tasks were given to the broker, once for each queue and call: by clients and the HTTP API. What schedules and
   * groups store has events of its own.
   */
  'tasks.enqueued': {
    readonly queue: string;
    /** Tasks of the call in this queue: the sum of the other numbers. */
    readonly tasks: number;
    /** Stored, also those that did not reach the durability that was asked for. */
    readonly created: number;
    /** Not stored: a task with the ID exists. */
    readonly existing: number;
    /** Not stored: another task holds the unique lock. */
    readonly duplicate: number;
    /** Refused, or in doubt: the call has failed. */
    readonly failed: number;
  };
  /** Emitted just before the handler is called. */
  'attempt.started': {
    readonly task: TaskRef;
    readonly type: string;
    /** Number of the attempt, from 1. */
    readonly attempt: number;
    /** Time from pending to started, by this machine's clock; null = not known. The attempt's record has the same. */
    readonly waitMs: number | null;
    /** The business that owns the task; null = none. */
    readonly business: string | null;
    /**
     * How it delivers its callback, as it was submitted: the engine does not read it. Undefined for a task of a handler. It may hold
     * credentials of the receiver, which belong into no log.
     */
    readonly callback: unknown;
  };
  /** Emitted when the broker has accepted the outcome, or when the attempt is known to be lost. */
  'attempt.finished': {
    readonly task: TaskRef;
    readonly type: string;
    /** Number of the attempt, from 1. */
    readonly attempt: number;
    readonly outcome: AttemptOutcome;
    /** How long the handler ran; 0 for `deferred` and `lost`. */
    readonly runMs: number;
    /** Time from pending to started, by this machine's clock; null = not known, or there was no attempt to count (`deferred`, `lost`). The attempt's record has the same. */
    readonly waitMs: number | null;
    /** The business that owns the task; null = none. */
    readonly business: string | null;
    /**
     * How it delivers its callback, as it was submitted: the engine does not read it. Undefined for a task of a handler. It may hold
     * credentials of the receiver, which belong into no log.
     */
    readonly callback: unknown;
    /** What is kept of the attempt; null for `deferred` and `lost`. For a callback it has the request and its answer. */
    readonly record: AttemptRecord | null;
  };
  /** Emitted when a worker meets a type for which it has no handler, once per type. It gives such tasks back. */
  'handler.missing': {
    /** Where it met the first task of the type. */
    readonly queue: string;
    readonly type: string;
  };
}

/** What workers hold, and how they keep up. */
export interface WorkerLoadEvents {
  /** Emitted when an attempt has lost its lease. */
  'lease.lost': {
    readonly task: TaskRef;
    readonly cause: LeaseLossCause;
  };
  /** Emitted after each successful renewal, for each queue with leases. */
  'leases.renewed': {
    readonly queue: string;
    /** Leases in the call. */
    readonly leases: number;
    /** How many of them belong to other workers by now. */
    readonly lost: number;
    /** When the call began, monotonic (see `Clock`). */
    readonly sinceMs: number;
    /** Time since the call before it began; 0 = it was the first. */
    readonly gapMs: number;
  };
  /** Emitted when a blocked event loop has cost the worker all its leases: after `maxStall`, once the loop goes on. */
  'leases.released': {
    /** Leases given up; other workers run their tasks. */
    readonly leases: number;
    /** How long the event loop had been blocked then. */
    readonly stallMs: number;
    /** When they were given up, monotonic. */
    readonly atMs: number;
  };
  /** Emitted when the event loop goes on after it was blocked for at least 250 ms while attempts ran. */
  'loop.stalled': {
    /** How long it was blocked. */
    readonly stallMs: number;
    /** Attempts that ran meanwhile. */
    readonly attempts: number;
  };
  /** Emitted when the watchdog makes the worker fetch anew: slots were free and the broker answered, yet no fetch ended. */
  'worker.revived': {
    /** How long no fetch had ended. */
    readonly stuckMs: number;
    /** Number of hanging calls that the worker does not wait for any more; may be 0. */
    readonly calls: number;
  };
}
