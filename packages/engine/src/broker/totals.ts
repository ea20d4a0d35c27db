/**
 * What has happened in a stored queue since it exists, or was removed. Each is written together with the change that it counts,
 * once, however often a call is repeated. Everything but `succeeded` and `failed` counts from the first version that has
 * these counters on, and only what it does itself: not what Go's processes or older workers do.
 *
 * In a queue whose tasks are run by our workers alone
 *
 * ```
 * started = succeeded + failed + uncounted + revoked + cancelledRunning + deferred + recovered + unreadable
 *           + attempts that still run (`counts.active`)
 * ```
 */
export interface QueueTotals {
  /** New tasks that were stored: submitted, fired by a schedule, or made of a group. A task that is run again is not new. */
  readonly enqueued: number;
  /** Attempts that were handed out to our workers. */
  readonly started: number;
  /** Attempts that succeeded, Go's included. */
  readonly succeeded: number;
  /** Attempts that failed, Go's included; also the last one of a task that is archived because its workers died with it. */
  readonly failed: number;
  /** Attempts that ended in an error which `isFailure` does not count; they are also `retried`. */
  readonly uncounted: number;
  /** Attempts that removed their task by a `RevokeError`. */
  readonly revoked: number;
  /** Attempts that ended because their task was cancelled while it ran, lost ones included; these are also `cancelled`. */
  readonly cancelledRunning: number;
  /** Attempts that were given back unfinished, whatever the cause. */
  readonly deferred: number;
  /** Attempts that were lost with their worker and whose task runs again. */
  readonly recovered: number;
  /** Attempts that could not begin because the task cannot be read; they are also `quarantined`. */
  readonly unreadable: number;
  /** Tasks that wait for a retry after an attempt. */
  readonly retried: number;
  /** Tasks that were archived, whatever the cause. */
  readonly archived: number;
  /** Tasks that were cancelled, while they waited or ran. */
  readonly cancelled: number;
  /** Tasks that were archived because they cannot be read or would never start; they are also `archived`. */
  readonly quarantined: number;
}

/** Counters that brokers keep under these names, in lower case with `_`. The others are Asynq's. */
export const OWN_TOTALS = {
  enqueued: 'enqueued',
  started: 'started',
  uncounted: 'uncounted',
  revoked: 'revoked',
  cancelledRunning: 'cancelled_running',
  deferred: 'deferred',
  recovered: 'recovered',
  unreadable: 'unreadable',
  retried: 'retried',
  archived: 'archived',
  cancelled: 'cancelled',
  quarantined: 'quarantined',
} as const satisfies Readonly<Record<Exclude<keyof QueueTotals, 'succeeded' | 'failed'>, string>>;

export type OwnTotal = keyof typeof OWN_TOTALS;
export type OwnTotals = Readonly<Record<OwnTotal, number>>;

/** Of a queue in which nothing has happened. */
export const NO_TOTALS = Object.fromEntries(Object.keys(OWN_TOTALS).map((name) => [name, 0])) as OwnTotals;

/** Asynq's totals of attempts: it counts as processed what did not fail, also an attempt that was cancelled or revoked. */
export interface AsynqTotals {
  readonly processed: number;
  readonly failed: number;
}

/** All counters of a queue. */
export function totalsOf(own: OwnTotals, { processed, failed }: AsynqTotals): QueueTotals {
  // An older worker beside this one has counted in one place only: never below 0.
  const succeeded = Math.max(0, processed - failed - own.cancelledRunning - own.revoked);
  return { ...own, succeeded, failed };
}
