import { failedFinish, type AttemptRecord, type FailureHints } from '@task-center/model';
import type { Finish, LeasedTask } from '../../broker/consume.ts';
import { HandlerError } from '../../errors/handler-errors.ts';
import { stackOf, withoutStack } from '../../errors/stack.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { AttemptRules } from './attempt-rules.ts';
import { classOf, deferralIn, hintsOf, isRevocation, errorTextOf } from './error-info.ts';
import { deferred } from '../admission.ts';
import { handledTask } from './handlers.ts';
import type { ResultEncoder } from './results.ts';

// The last step of an attempt: what its handler did becomes a Finish, with the record that is kept of it.

/** Why an attempt's signal aborted. */
export type AbortCause = 'timeout' | 'expired' | 'lease-lost' | 'cancelled' | 'shutdown';

/** What to hand in for an attempt. `lost`: nothing, because its lease is lost. */
export type AttemptEnd = Finish | 'lost';

/** An attempt that has ended. */
interface OutcomeInputs {
  readonly task: LeasedTask;
  /** Wall-clock ms. */
  readonly startedMs: number;
  /** The same moment, monotonic. */
  readonly sinceMs: number;
  /** Names its span; undefined = it has none. */
  readonly traceparent: string | undefined;
  /** What its handler recorded. */
  readonly facts: Readonly<Record<string, unknown>> | undefined;
  /** What its handler noted for people. */
  readonly note: string | undefined;
  /** What made it fail. */
  thrown: unknown;
  readonly deps: OutcomeDeps;
}

export interface OutcomeDeps {
  readonly runtime: Runtime;
  /** The worker's name. */
  readonly worker: string;
  readonly rules: AttemptRules;
  readonly results: ResultEncoder;
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

/** The reason of a handler's signal. Its class is kept if the handler throws it, alone or as a cause. */
export const abortReason = (cause: AbortCause): Error =>
  withoutStack(new HandlerError(ABORT_TEXT[cause], { errorClass: cause }, { cause }));

/** The handler returned `value`. It has succeeded, whether the value can be kept or not. */
export function endSucceeded(attempt: OutcomeInputs, value: unknown): Finish {
  const { task } = attempt;
  if (task.retentionMs <= 0)
    return { outcome: 'succeeded', task, record: attemptRecordOf(attempt, SUCCEEDED), result: null };
  const { bytes, reason } = attempt.deps.results.encode(task, value);
  const end =
    reason === undefined
      ? SUCCEEDED
      : {
          outcome: 'succeeded' as const,
          reason: [reason, attempt.note].filter(Boolean).join('; '),
          isResultDropped: true as const,
        };
  return { outcome: 'succeeded', task, record: attemptRecordOf(attempt, end), result: bytes };
}

/** The attempt was ended before its handler. */
export function endAborted(attempt: OutcomeInputs, cause: AbortCause): AttemptEnd {
  if (cause === 'lease-lost') {
    reportError(attempt, withoutStack(new Error(ABORT_TEXT[cause])));
    return 'lost';
  }
  if (cause === 'shutdown') return { outcome: 'requeue', task: attempt.task };
  const hints: FailureHints =
    cause === 'expired' && attempt.deps.rules.deadlineIsFinal
      ? { retryable: false, errorClass: 'expired', reason: 'past its deadline' }
      : { errorClass: cause };
  return endFailed(attempt, withoutStack(new HandlerError(ABORT_TEXT[cause], hints)));
}

/** The handler threw `error`. */
export function endFailed(attempt: OutcomeInputs, error: unknown): Finish {
  const { task, deps } = attempt;
  const { rules, runtime } = deps;
  const deferral = deferralIn(error);
  if (deferral) {
    const { delayMs } = deferral;
    return deferred(task, { delay: delayMs, reason: errorTextOf(deferral) }, runtime.clock.wallMs());
  }
  attempt.thrown = error;
  reportError(attempt, error);
  const hints = hintsOf(error);
  const stack = stackOf(error);
  const record = attemptRecordOf(attempt, {
    outcome: 'failed',
    error: {
      class: hints.errorClass ?? classOf(error),
      message: errorTextOf(error),
      ...(hints.status !== undefined && { status: hints.status }),
      ...(stack !== undefined && { stack }),
    },
  });
  if (isRevocation(error)) return { outcome: 'revoked', task, record };
  return failedFinish(
    task,
    { record, hints, isFailure: () => rules.isFailure(error) },
    { backoff: rules.backoff, nowMs: runtime.clock.wallMs(), chance: runtime.random() },
  );
}

function reportError({ task, deps }: OutcomeInputs, error: unknown): void {
  deps.rules.onError(error, () => handledTask(task));
}

/** Time from pending to a start, by this machine's clock; undefined = it is not known when the task became pending. */
export const startWaitMs = ({ pendingSinceMs }: LeasedTask, startedMs: number): number | undefined =>
  pendingSinceMs === null ? undefined : Math.max(0, startedMs - pendingSinceMs);

function attemptRecordOf(
  { task, startedMs, sinceMs, traceparent, facts, note, deps }: OutcomeInputs,
  end: Pick<AttemptRecord, 'outcome'> & Partial<AttemptRecord>,
): AttemptRecord {
  const waitMs = startWaitMs(task, startedMs);
  return {
    number: task.attempt,
    startedMs,
    // Measured, and not read: the wall clock may have been set meanwhile.
    finishedMs: startedMs + Math.round(deps.runtime.clock.monotonicMs() - sinceMs),
    ...(waitMs !== undefined && { waitMs }),
    worker: deps.worker,
    ...(traceparent !== undefined && { traceparent }),
    ...(facts && { exchange: facts }),
    ...(note && { reason: note }),
    ...end,
  };
}
