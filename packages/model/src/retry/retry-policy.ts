import { DAY_MS } from '../durations.ts';
import { backoffMs, jitterOf, usableChance, type Backoff } from './backoff.ts';

/** When a failed task runs again. Plain data: a task with a policy of its own stores it. */
export interface RetryPolicy {
  /** Retries after the first attempt; 0 = one attempt only. */
  readonly maxRetries: number;
  /** The waits between the attempts. */
  readonly backoff: Backoff;
}

/** 3 retries, after 1 s, 2 s and 4 s (doubling, at most 300 s); jitter adds 0–25 %. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxRetries: 3,
  backoff: { kind: 'exponential', initialMs: 1_000, maxMs: 300_000, factor: 2, jitter: 0.25 },
};

/** 15 retries over about 40 minutes, for receivers that may be down for a while. */
export const PATIENT_RETRY_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, maxRetries: 15 };

/** No retry waits longer, whatever a handler or receiver asks for. Asynq's own delays are exempt: they grow to days. */
const MAX_DELAY_MS = DAY_MS;

/** What a handler's error may say about retries. All fields are optional, and their values are unchecked. */
export interface FailureHints {
  /** `false`: the task is archived at once, without another retry. Default `true`. */
  readonly retryable?: boolean;
  /** Shortest delay before the retry, ms. A longer delay of the retry policy wins. Default 0. */
  readonly retryAfterMs?: number;
  /** Class of the error in snake_case, by which errors are grouped. Default: the error's `name`. */
  readonly errorClass?: string;
  /** HTTP status of the answer, where the handler made a request. */
  readonly status?: number;
  /** Why the task is or is not retried, in words. It is kept with the attempt. */
  readonly reason?: string;
  /** `true`: the handler has logged the failure, and its worker does not do it again. */
  readonly isLogged?: boolean;
}

/** A failed attempt, with all that the decision depends on. */
export interface Failure {
  /** Retries counted before this failure. */
  readonly retried: number;
  readonly maxRetries: number;
  readonly backoff: Backoff;
  /** What the handler's error asks for. */
  readonly hints: FailureHints;
  /** A random number in [0, 1). */
  readonly chance: number;
}

export type FailureDecision =
  | { readonly outcome: 'retry'; readonly delayMs: number; readonly reason: string }
  | { readonly outcome: 'archive'; readonly reason: string };

/**
 * Decides what happens to a task whose attempt failed. It is archived if its error is not retryable or its retries are
 * used up. Otherwise it is retried after its own backoff, or later if the error asks for a longer wait.
 */
export function decideFailure({ retried, maxRetries, backoff, hints, chance }: Failure): FailureDecision {
  const requested = requestedDelay(hints.retryAfterMs);
  const because = (reason: string) => [reason, requested.problem].filter(Boolean).join('; ');
  if (hints.retryable === false)
    return { outcome: 'archive', reason: because(hints.reason ?? 'not retryable') };
  if (retried >= maxRetries) return { outcome: 'archive', reason: because(`out of retries (${maxRetries})`) };
  const ownMs = backoffMs(retried + 1, backoff, chance);
  const requestedMs = requested.ms * (1 + jitterOf(backoff) * usableChance(chance));
  const delayMs = Math.min(
    backoff.kind === 'asynq' ? Infinity : MAX_DELAY_MS,
    Math.round(Math.max(requestedMs, ownMs)),
  );
  return { outcome: 'retry', delayMs, reason: because(hints.reason ?? 'default: retry') };
}

/** The delay that a handler asks for, where more than the maximum counts as that. What is no delay is quoted. */
function requestedDelay(asked: unknown): { readonly ms: number; readonly problem: string | null } {
  if (asked === undefined) return { ms: 0, problem: null };
  if (typeof asked === 'number' && asked >= 0) return { ms: Math.min(asked, MAX_DELAY_MS), problem: null };
  const shown = typeof asked === 'string' ? JSON.stringify(asked.slice(0, 64)) : shownValue(asked);
  return { ms: 0, problem: `retryAfter not understood: ${shown} is no duration` };
}

const shownValue = (value: unknown): string =>
  typeof value === 'number' || value === null ? String(value) : `a value of type ${typeof value}`;
