import { DEFAULT_RETRY_POLICY, type Backoff } from '@task-center/model';
import type { OptionRows } from '../../checks/options.ts';
import { func } from '../../checks/values.ts';
import type { Log } from '../../runtime/log.ts';
import type { HandledTask } from './handlers.ts';

/** How a worker judges failed attempts. */
export interface FailureOptions {
  /**
   * Whether an error of a handler counts as a failure (Asynq's IsFailure). `false`, and no other value: the task is retried,
   * and neither a retry nor a failure is counted. A task without retries left is archived all the same. Default: every error counts.
   */
  readonly isFailure?: (error: unknown) => boolean;
  /**
   * Called once per failed attempt, also for one that is not retried, was revoked, ran out of time or lost its lease. It
   * may be async. An error that it throws is logged and changes nothing.
   */
  readonly onError?: (error: unknown, task: HandledTask<unknown>) => unknown;
}

export const FAILURE_ROWS: OptionRows<FailureOptions> = { isFailure: func, onError: func };

/**
 * `asynq`: a worker behaves as a Go server where ours differ by default. Leases last 30 s, tasks without a backoff of their
 * own are retried after Asynq's delays, a passed deadline is a failed attempt like any other, and so is a type without a
 * handler.
 */
export type WorkerProfile = 'asynq';

/** `FailureOptions` with defaults. The functions never throw. */
export interface AttemptRules {
  isFailure(error: unknown): boolean;
  onError(error: unknown, task: () => HandledTask<unknown>): void;
  /** Delays before the retries of tasks that have no backoff of their own. */
  readonly backoff: Backoff;
  /** Whether a task of a type without a handler fails. Otherwise it is given back for another worker. */
  readonly failsWithoutHandler: boolean;
  /** Whether a task past its deadline is archived. Otherwise its attempt has failed like any other. */
  readonly deadlineIsFinal: boolean;
}

/** The rules of a worker with these options. */
export function attemptRules(
  options: FailureOptions & { readonly profile?: WorkerProfile },
  log: Log,
): AttemptRules {
  const { isFailure, onError } = options;
  const asynq = options.profile === 'asynq';
  return {
    backoff: asynq ? { kind: 'asynq' } : DEFAULT_RETRY_POLICY.backoff,
    failsWithoutHandler: asynq,
    deadlineIsFinal: !asynq,
    isFailure(error) {
      if (!isFailure) return true;
      try {
        // A function that forgets to return would otherwise have its tasks retried for ever.
        const judged: unknown = isFailure(error);
        return judged !== false;
      } catch (thrown) {
        log.error({ err: thrown }, 'isFailure threw an error; the attempt counts as failed');
        return true;
      }
    },
    onError(error, task) {
      if (onError) void callOnError(() => onError(error, task()));
    },
  };

  /** Logs the error of a function that throws or rejects. */
  async function callOnError(call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (thrown) {
      log.error({ err: thrown }, 'onError threw an error');
    }
  }
}
