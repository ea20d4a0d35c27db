import type { AttemptRecord } from '../attempts.ts';
import { MIN_API_RETRY_MS } from '../limits.ts';
import { isBackoff, type Backoff } from './backoff.ts';
import { decideFailure, type FailureHints } from './retry-policy.ts';

/** What the decision needs of a task. */
interface FailedTask {
  readonly retried: number;
  readonly maxRetries: number;
  /** `backoff`: its own, unchecked, because other programs may have written it. `origin`: how it was submitted. */
  readonly meta: { readonly backoff?: unknown; readonly origin?: unknown };
}

export interface FailedAttempt {
  /** Its record so far. The decision puts its reason before the one that is there, and adds the start of the next attempt. */
  readonly record: AttemptRecord;
  /** What the error asks for. */
  readonly hints: FailureHints;
  /** Whether it counts as a failure, which uses up a retry. Called only if the task is retried. */
  isFailure(): boolean;
}

/** What the retry depends on besides task and attempt. */
export interface RetryInputs {
  /** For tasks without a backoff of their own. */
  readonly backoff: Backoff;
  /** Wall-clock ms. */
  readonly nowMs: number;
  /** A random number in [0, 1). */
  readonly chance: number;
}

const UNREADABLE_BACKOFF = "the task's own backoff is not readable: the worker's counts";

/** How an attempt that failed ends its task: a `Finish` of the broker. */
export type FailedFinish<Task> =
  | { readonly outcome: 'archive'; readonly task: Task; readonly record: AttemptRecord }
  | {
      readonly outcome: 'retry';
      readonly task: Task;
      readonly record: AttemptRecord;
      readonly delayMs: number;
      readonly countsAsFailure: boolean;
    };

/**
 * The shortest delay before a retry. The HTTP API refuses policies that retry faster, but older versions have stored some: with
 * them, a failing callback would keep its receiver and the service busy.
 */
function minDelayMs({ backoff, origin }: FailedTask['meta']): number {
  return origin === 'api' && isBackoff(backoff) ? MIN_API_RETRY_MS : 0;
}

/**
 * Decides how a failed attempt ends: for a handler that threw or ran out of time, for a callback that failed, and for a
 * worker that is gone.
 */
export function failedFinish<Task extends FailedTask>(
  task: Task,
  { record, hints, isFailure }: FailedAttempt,
  { backoff, nowMs, chance }: RetryInputs,
): FailedFinish<Task> {
  const { retried, maxRetries, meta } = task;
  const own = isBackoff(meta.backoff) ? meta.backoff : null;
  const isUnreadable = own === null && meta.backoff !== undefined;
  const decision = decideFailure({ retried, maxRetries, backoff: own ?? backoff, hints, chance });
  const parts = [decision.reason, isUnreadable && UNREADABLE_BACKOFF, record.reason];
  const reason = parts.filter(Boolean).join('; ');
  if (decision.outcome === 'archive') return { outcome: 'archive', task, record: { ...record, reason } };
  const delayMs = Math.max(decision.delayMs, minDelayMs(meta));
  const nextMs = nowMs + delayMs;
  return {
    outcome: 'retry',
    task,
    record: { ...record, reason, nextMs },
    delayMs,
    countsAsFailure: isFailure(),
  };
}
