import type { FailureHints } from '../errors/handler-errors.ts';
import { backoffMs, jitterOf, type Backoff } from './backoff.ts';

/** When a failed task runs again: plain data, stored with a task that has its own. */
export interface RetryPolicy {
  /** Retries after the first attempt; 0 = one attempt only. */
  readonly maxRetries: number;
  readonly backoff: Backoff;
}

/** 3 retries; 1 s doubling to at most 300 s; jitter adds 0–25 % (requirements Q16, Q17). */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxRetries: 3,
  backoff: { kind: 'exponential', initialMs: 1_000, maxMs: 300_000, factor: 2, jitter: 0.25 },
};

/** 15 retries over about 40 minutes. */
export const PATIENT_RETRY_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, maxRetries: 15 };

/** No retry waits longer than this, whatever a receiver asks for; Asynq's own delays go on to days. */
const MAX_DELAY_MS = 24 * 3_600_000;

export interface Failure {
  /** Retries counted before this failure. */
  readonly retried: number;
  readonly maxRetries: number;
  readonly backoff: Backoff;
  readonly hints: FailureHints;
  /** In [0, 1). */
  readonly chance: number;
}

export type FailureDecision =
  | { readonly outcome: 'retry'; readonly delayMs: number; readonly reason: string }
  | { readonly outcome: 'archive'; readonly reason: string };

/** What becomes of a task whose attempt failed. */
export function decideFailure({ retried, maxRetries, backoff, hints, chance }: Failure): FailureDecision {
  if (hints.retryable === false) return { outcome: 'archive', reason: hints.reason ?? 'not retryable' };
  if (retried >= maxRetries) return { outcome: 'archive', reason: `out of retries (${maxRetries})` };
  const ownMs = backoffMs(retried + 1, backoff, chance);
  const askedMs = (hints.retryAfterMs ?? 0) * (1 + jitterOf(backoff) * chance);
  // A handler may ask for anything, NaN included.
  const delayMs = Math.min(
    backoff.kind === 'asynq' ? Infinity : MAX_DELAY_MS,
    Math.round(askedMs > ownMs ? askedMs : ownMs),
  );
  return { outcome: 'retry', delayMs, reason: hints.reason ?? 'default: retry' };
}
