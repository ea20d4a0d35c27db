import { isTaskCenterError, messageOf, TaskCenterError } from './task-center-error.ts';

// Some operations take several calls to the broker. When some of the calls fail, the outcomes and errors are decided here.

/** Null = the call succeeded. */
export type Failure = { readonly error: unknown } | null;

/**
 * Turns a call's rejection into a value. A call that fails while later ones are still being sent would otherwise be an
 * unhandled rejection.
 */
export function failureOf(call: Promise<unknown>): Promise<Failure> {
  return call.then(
    () => null,
    (error: unknown) => ({ error }),
  );
}

/** The outcome of a task whose call failed. */
export interface FailedOutcome {
  readonly code: 'failed';
  readonly error: TaskCenterError;
}

const withOutcome = (
  { details }: TaskCenterError<'broker-unavailable'>,
  outcome: 'not_stored' | 'unknown',
  cause: unknown,
) => new TaskCenterError('broker-unavailable', { ...details, outcome }, { cause });

/** The outcome of the tasks of a call that failed. Any error but a `TaskCenterError` is a defect: then it is unknown whether they are stored. */
export function failedOutcome(error: unknown, broker: string): FailedOutcome {
  if (error instanceof TaskCenterError) return { code: 'failed', error };
  const details = { broker, outcome: 'unknown', cause: messageOf(error) } as const;
  return { code: 'failed', error: new TaskCenterError('broker-unavailable', details, { cause: error }) };
}

/** The outcome of tasks that were stored, when a later step that belongs to storing them failed. */
export function inDoubt(error: unknown, broker: string): FailedOutcome {
  const failed = failedOutcome(error, broker);
  if (isTaskCenterError(failed.error, 'broker-unavailable'))
    return { ...failed, error: withOutcome(failed.error, 'unknown', error) };
  const details = { broker, outcome: 'unknown', cause: failed.error.message } as const;
  return { code: 'failed', error: new TaskCenterError('broker-unavailable', details, { cause: error }) };
}

/** The outcome of tasks that were not sent, because a call before theirs failed: certainly not stored. */
export function notSent({ error }: FailedOutcome): FailedOutcome {
  if (!isTaskCenterError(error, 'broker-unavailable')) return { code: 'failed', error };
  return { code: 'failed', error: withOutcome(error, 'not_stored', error) };
}

/** Whether the tasks of a call that failed may be stored. */
export const isInDoubt = ({ error }: { readonly error: TaskCenterError }): boolean =>
  isTaskCenterError(error, 'broker-unavailable') && error.details.outcome === 'unknown';

/**
 * Returns the outcomes, unless all of them failed. The error then says `unknown` if one of the tasks may be stored.
 *
 * @throws TaskCenterError the first error with the outcome `unknown`, else the first error
 */
export function throwIfAllFailed<Outcome extends { readonly code: string }>(
  outcomes: (Outcome | FailedOutcome)[],
): (Outcome | FailedOutcome)[] {
  const isFailed = (outcome: Outcome | FailedOutcome): outcome is FailedOutcome => outcome.code === 'failed';
  const [first] = outcomes;
  // Most calls end here.
  if (first === undefined || !isFailed(first) || !outcomes.every(isFailed)) return outcomes;
  throw (outcomes.filter(isFailed).find(isInDoubt) ?? first).error;
}
