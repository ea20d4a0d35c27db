/**
 * How an attempt of a task ended. `lost`: its worker died or lost the lease. `cancelled`: it did not succeed, and somebody
 * had asked to cancel the task.
 */
export const ATTEMPT_OUTCOMES = ['succeeded', 'failed', 'lost', 'cancelled'] as const;

export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** What is stored of the error that ended an attempt. */
export interface AttemptError {
  /** The error's class, such as `TypeError` or, for callbacks, `http_status`. */
  readonly class: string;
  readonly message: string;
  /** HTTP status of the answer (callbacks only). */
  readonly status?: number;
  /**
   * Where it was thrown, with the stacks of its causes, at most 4 KiB. It is kept with the first failed attempt of a task and with
   * the newest one.
   */
  readonly stack?: string;
}

/** One attempt as it is stored with its task. Times are wall-clock ms. */
export interface AttemptRecord {
  /** From 1. */
  readonly number: number;
  readonly startedMs: number;
  readonly finishedMs: number;
  /** Time from due (or enqueued) to started, ms. Absent where it is unknown. */
  readonly waitMs?: number;
  readonly outcome: AttemptOutcome;
  /** Start of the next attempt, if one was planned. */
  readonly nextMs?: number;
  /** Why the task was retried or archived, such as `out of retries (3)`, and what else its handler noted. */
  readonly reason?: string;
  readonly error?: AttemptError;
  /** It has succeeded, and what its handler returned was not kept: `reason` says why. */
  readonly isResultDropped?: true;
  /** ID of the worker that ran it. */
  readonly worker?: string;
  /** Names its span (W3C Trace Context), where traces are on. */
  readonly traceparent?: string;
  /** The HTTP request and its response (callbacks only). */
  readonly exchange?: Readonly<Record<string, unknown>>;
}
