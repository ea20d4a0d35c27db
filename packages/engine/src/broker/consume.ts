import type { AttemptRecord } from '@task-center/model';
import type { TaskMeta } from '../task/meta.ts';
import type { CallOptions } from './call-options.ts';

/** The right to run one attempt. It ends unless it is renewed: docs/design/engine.md#leases. */
export interface Lease {
  readonly queue: string;
  readonly id: string;
  /**
   * Fences the attempt: the broker refuses the finish of an attempt whose token is not the current one. Never 0, which
   * stands for the leases of Go's workers.
   */
  readonly token: number;
}

/** A task as a worker gets it, with its lease. */
export interface LeasedTask extends Lease {
  readonly type: string;
  /** Null = it has none. */
  readonly payload: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxRetries: number;
  /** Retries counted so far. */
  readonly retried: number;
  /** Longest attempt, in whole seconds; 0 = none. The exact ms are in `meta`. */
  readonly timeoutMs: number;
  /** No attempt may run after it, wall-clock ms; 0 = none. */
  readonly deadlineMs: number;
  /** How long the completed task is kept; 0 = it is removed. */
  readonly retentionMs: number;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Attempts that were lost with their worker, in any company. */
  readonly crashes: number;
  /** When it became pending, wall-clock ms; null where unknown. */
  readonly pendingSinceMs: number | null;
  readonly meta: TaskMeta;
  /** What the broker itself needs to finish the task. Callers hand it back unread. */
  readonly source: unknown;
}

interface FinishedAttempt {
  readonly task: LeasedTask;
  /** The attempt's record. It is kept with the task, until the task is removed. */
  readonly record: AttemptRecord;
}

/** How an attempt ended, as the worker decided it: docs/design/engine.md#states. */
export type Finish =
  /** Completed: kept for the task's retention with its result. At retention 0 the task is removed. */
  | (FinishedAttempt & { readonly outcome: 'succeeded'; readonly result: Uint8Array | null })
  /** Runs again after `delayMs`. With `countsAsFailure` false neither a retry nor a failure is counted. */
  | (FinishedAttempt & {
      readonly outcome: 'retry';
      readonly delayMs: number;
      readonly countsAsFailure: boolean;
    })
  /** Failed for good: the task is archived. */
  | (FinishedAttempt & { readonly outcome: 'archive' })
  /** Its handler threw `RevokeError`: removed whatever its retention, and counted as processed, not as failed. */
  | (FinishedAttempt & { readonly outcome: 'revoked' })
  | GivenBack;

/**
 * Ends that do not count (docs/design/engine.md#ends-that-do-not-count): the task is given back, its attempt number with it.
 * Neither a retry, a failure nor a crash is counted, no record is kept, and `deferrals` goes up by one.
 */
export type GivenBack =
  /** It is the next to run in its queue. */
  | { readonly task: LeasedTask; readonly outcome: 'requeue' }
  /** It is scheduled again, due after `delayMs`. */
  | {
      readonly task: LeasedTask;
      readonly outcome: 'defer';
      readonly delayMs: number;
      /** What the task waits for, in words for people, at most 200 characters. Shown until it is taken again. */
      readonly reason: string;
    };

/** An end that counts: there was an attempt, and its record is kept with the task. */
export type CountedFinish = Exclude<Finish, GivenBack>;

/**
 * `cancelled`: the attempt is over, and the task has ended as cancelled, because somebody had asked for that.
 * `lease-lost`: the lease no longer belonged to this attempt; nothing was written.
 */
export type FinishOutcome = 'accepted' | 'cancelled' | 'lease-lost';

/** A result that a handler sets before it ends. */
export interface EarlyResult {
  readonly task: LeasedTask;
  /** At most 256 KiB. */
  readonly result: Uint8Array;
}

/** What an attempt that goes on tells of itself, encoded by `task-notes.ts`. */
export interface AttemptNotes {
  readonly task: LeasedTask;
  /** Replaces the earlier one; null = it stays. */
  readonly progress: string | null;
  /** Lines to append to the task's log, at most `MAX_KEPT_LINES`, oldest first. */
  readonly lines: readonly string[];
  /** How many lines before these are left out. */
  readonly skipped: number;
}

/** Which tasks a worker asks for. */
export interface FetchOptions {
  /** Queues to take tasks from, in this order. A paused queue yields nothing. */
  readonly queues: readonly string[];
  /**
   * How many tasks to take from each queue first. Room that is left goes to the queues that have more, in order. Left
   * out: each queue gives what it has, in order.
   */
  readonly shares?: readonly number[];
  /** Most tasks to take; 0 = only finish. A call takes at most 256 tasks and 512 KiB of messages; one always fits. */
  readonly room: number;
  /** Length of the new leases, ms. */
  readonly leaseMs: number;
  /** Name of the worker, for people: `[A-Za-z0-9_.:-]{1,100}`. */
  readonly worker: string;
  /**
   * Types to leave to other workers, at most `MAX_LEFT_TYPES`. A task of theirs is taken only when it has been pending for
   * `LEAVE_MS`, and until then the tasks behind it come first.
   */
  readonly leave?: readonly string[];
}

/** One call of a worker: hands in attempts that have ended, and asks for new tasks. */
export interface Exchange extends FetchOptions {
  /** Attempts that have ended, of any queues. */
  readonly finishes: readonly Finish[];
}

/** The answer to an exchange. */
export interface ExchangeOutcome {
  /** One per finish, in order. */
  readonly finished: readonly FinishOutcome[];
  /** New tasks in the order of the queues, and within a queue first in, first out. */
  readonly tasks: readonly LeasedTask[];
  /** IDs that were met instead of tasks: unreadable tasks were archived, IDs without a task were dropped. */
  readonly quarantined: readonly { readonly queue: string; readonly ids: readonly string[] }[];
  /** Whether pending tasks were left to other workers. */
  readonly hasLeft: boolean;
}

/** What a worker calls to take, keep and finish tasks. */
export interface Consume {
  /** Finishes attempts and takes new tasks, in one call. */
  exchange(exchange: Exchange, options?: CallOptions): Promise<ExchangeOutcome>;
  /** Renews leases to `lengthMs` from now; 0 ends them now. False = that lease is lost: its token is not current. */
  extend(leases: readonly Lease[], lengthMs: number): Promise<boolean[]>;
  /**
   * Records that a suspected task runs alone in its worker from now on, or no longer. While it does, the loss of its worker is a
   * crash that it has caused. One that no longer runs alone has survived: its crashes so far are forgotten. False = the lease
   * is lost; nothing was written.
   */
  markAlone(lease: Lease, isAlone: boolean): Promise<boolean>;
  /**
   * Stores results of attempts that go on, in place of earlier ones. They stay with the task across its retries. A success
   * with a result of its own replaces them. False = the lease is lost; nothing was written.
   */
  keepResults(results: readonly EarlyResult[]): Promise<boolean[]>;
  /**
   * Stores what attempts that go on tell of themselves. It stays with the task across its retries, as long as the task is kept.
   * Of the log the newest lines stay, within `MAX_KEPT_LINES` and `MAX_KEPT_LOG_BYTES`. False = the lease is lost; nothing was written.
   */
  keepNotes(notes: readonly AttemptNotes[]): Promise<boolean[]>;
}
