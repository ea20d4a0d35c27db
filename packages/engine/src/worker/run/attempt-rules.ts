import type { Backoff } from '../../policies/backoff.ts';
import { DEFAULT_RETRY_POLICY } from '../../policies/retry-policy.ts';
import type { Log } from '../../runtime/log.ts';
import type { HandledTask } from './handlers.ts';

/** How a worker judges failed attempts. */
export interface FailureOptions {
  /**
   * Whether what was thrown is a failure. `false`: the task is retried without counting a retry or a failure
   * (Asynq's IsFailure); a task without retries left is archived all the same. Default: everything is.
   */
  readonly isFailure?: (error: unknown) => boolean;
  /**
   * Called once per failed attempt, also for one that is not retried, was revoked, ran out of time or lost its
   * lease. What it throws is logged and changes nothing.
   */
  readonly onError?: (error: unknown, task: HandledTask<unknown>) => unknown;
}

/**
 * `asynq`: a worker behaves as a Go server where ours differs by default: leases of 30 s, Asynq's delays before the
 * retries of tasks that bring no backoff, and a passed deadline is a failed attempt like any other.
 */
export type WorkerProfile = 'asynq';

/** The same with all defaults, safe to call. */
export interface AttemptRules {
  isFailure(error: unknown): boolean;
  onError(error: unknown, task: () => HandledTask<unknown>): void;
  /** Of tasks that bring none of their own. */
  readonly backoff: Backoff;
  /** A task past its deadline is archived; otherwise its attempt has failed like any other. */
  readonly deadlineIsFinal: boolean;
}

/** Asynq's profile has Asynq's rules where ours differ by default (protocol 4.5, 4.6). */
export function attemptRules(
  options: FailureOptions & { readonly profile?: WorkerProfile },
  log: Log,
): AttemptRules {
  const { isFailure, onError } = options;
  const asynq = options.profile === 'asynq';
  return {
    backoff: asynq ? { kind: 'asynq' } : DEFAULT_RETRY_POLICY.backoff,
    deadlineIsFinal: !asynq,
    isFailure(error) {
      if (!isFailure) return true;
      try {
        return isFailure(error);
      } catch (thrown) {
        log.error({ err: thrown }, 'isFailure threw; the attempt counts as failed');
        return true;
      }
    },
    onError(error, task) {
      if (onError) void tell(() => onError(error, task()));
    },
  };

  /** An async function is welcome, too. */
  async function tell(call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (thrown) {
      log.error({ err: thrown }, 'onError threw');
    }
  }
}
