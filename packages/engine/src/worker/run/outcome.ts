import { failedFinish, type AttemptRecord, type FailureHints } from '@task-center/model';
import type { Finish, LeasedTask } from '../../broker/consume.ts';
import { HandlerError } from '../../errors/handler-errors.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { encodeContent } from '../../task/payload.ts';
import type { AttemptRules } from './attempt-rules.ts';
import { classOf, hintsOf, isRevocation, errorTextOf } from './error-info.ts';
import { handledTask } from './handlers.ts';

// The last step of an attempt: what its handler did becomes a Finish, with the record that is kept of it.

/** Why an attempt's signal aborted. */
export type AbortCause = 'timeout' | 'expired' | 'lease-lost' | 'cancelled' | 'shutdown';

/** What to hand in for an attempt. `lost`: nothing, because its lease is lost. */
export type AttemptEnd = Finish | 'lost';

/** An attempt that has ended. */
interface OutcomeInputs {
  readonly task: LeasedTask;
  readonly startedMs: number;
  /** What its handler recorded. */
  readonly facts: Readonly<Record<string, unknown>> | undefined;
  readonly deps: OutcomeDeps;
}

export interface OutcomeDeps {
  readonly runtime: Runtime;
  /** The worker's name. */
  readonly worker: string;
  readonly rules: AttemptRules;
}

/** Asynq's texts: errors are stored with the task, and Go's tools show them. See docs/design/protocol.md#errors. */
const ABORT_TEXT: Record<AbortCause, string> = {
  timeout: 'context deadline exceeded',
  expired: 'context deadline exceeded',
  'lease-lost': 'asynq: task lease expired',
  cancelled: 'context canceled',
  shutdown: 'context canceled',
};

const SUCCEEDED = { outcome: 'succeeded' } as const;
/** A larger result of a handler is not kept. */
const MAX_RESULT_BYTES = 256 * 1_024;

/** The reason of a handler's signal. */
export const abortReason = (cause: AbortCause): Error => new Error(ABORT_TEXT[cause], { cause });

/** The bytes of a result that a handler sets early. @throws TaskCenterError `invalid-value` */
export function encodeResult(value: unknown): Uint8Array {
  const result = encodeContent(value) ?? Buffer.alloc(0);
  if (result.length <= MAX_RESULT_BYTES) return result;
  const got = `${result.length} bytes`;
  throw new TaskCenterError('invalid-value', {
    name: 'result',
    got,
    expected: `at most ${MAX_RESULT_BYTES} bytes`,
  });
}

/** The handler returned `value`. @throws an error if the value cannot be encoded */
export function endSucceeded(attempt: OutcomeInputs, value: unknown): Finish {
  const { task } = attempt;
  if (task.retentionMs <= 0)
    return { outcome: 'succeeded', task, record: attemptRecordOf(attempt, SUCCEEDED), result: null };
  const bytes = encodeContent(value);
  if (bytes === null || bytes.length <= MAX_RESULT_BYTES)
    return { outcome: 'succeeded', task, record: attemptRecordOf(attempt, SUCCEEDED), result: bytes };
  const reason = `a result of ${bytes.length} bytes was not kept (limit ${MAX_RESULT_BYTES})`;
  const record = attemptRecordOf(attempt, { outcome: 'succeeded', reason });
  return { outcome: 'succeeded', task, record, result: null };
}

/** The attempt was ended before its handler. */
export function endAborted(attempt: OutcomeInputs, cause: AbortCause): AttemptEnd {
  if (cause === 'lease-lost') {
    reportError(attempt, new Error(ABORT_TEXT[cause]));
    return 'lost';
  }
  if (cause === 'shutdown') return { outcome: 'requeue', task: attempt.task };
  const hints: FailureHints =
    cause === 'expired' && attempt.deps.rules.deadlineIsFinal
      ? { retryable: false, errorClass: 'expired', reason: 'past its deadline' }
      : { errorClass: cause };
  return endFailed(attempt, new HandlerError(ABORT_TEXT[cause], hints));
}

/** The handler threw `error`, or its value cannot be encoded. */
export function endFailed(attempt: OutcomeInputs, error: unknown): Finish {
  const { task, deps } = attempt;
  const { rules, runtime } = deps;
  reportError(attempt, error);
  const hints = hintsOf(error);
  const record = attemptRecordOf(attempt, {
    outcome: 'failed',
    error: {
      class: hints.errorClass ?? classOf(error),
      message: errorTextOf(error),
      ...(hints.status !== undefined && { status: hints.status }),
    },
  });
  if (isRevocation(error)) return { outcome: 'revoked', task, record };
  return failedFinish(
    task,
    { record, hints, isFailure: () => rules.isFailure(error) },
    { backoff: rules.backoff, nowMs: record.finishedMs, chance: runtime.random() },
  );
}

function reportError({ task, deps }: OutcomeInputs, error: unknown): void {
  deps.rules.onError(error, () => handledTask(task));
}

function attemptRecordOf(
  { task, startedMs, facts, deps }: OutcomeInputs,
  end: Pick<AttemptRecord, 'outcome'> & Partial<AttemptRecord>,
): AttemptRecord {
  const { attempt, pendingSinceMs } = task;
  return {
    number: attempt,
    startedMs,
    finishedMs: deps.runtime.clock.wallMs(),
    ...(pendingSinceMs !== null && { waitMs: Math.max(0, startedMs - pendingSinceMs) }),
    worker: deps.worker,
    ...(facts && { exchange: facts }),
    ...end,
  };
}
