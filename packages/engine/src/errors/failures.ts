import { isTaskCenterError, TaskCenterError } from './task-center-error.ts';

// Some operations take several calls to the broker. This decides what error to raise when some of the calls failed.

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

const wasNotStored = (failure: Failure): boolean =>
  failure !== null &&
  isTaskCenterError(failure.error, 'broker-unavailable') &&
  failure.error.details.outcome === 'not_stored';

/**
 * Throws the first failure, if there is one. When other calls may have stored tasks, the error does not claim that
 * nothing was stored: its outcome becomes `unknown`.
 */
export function throwFirst(failures: readonly Failure[]): void {
  const first = failures.find((failure) => failure !== null);
  if (!first) return;
  const { error } = first;
  if (!isTaskCenterError(error, 'broker-unavailable') || failures.every(wasNotStored)) throw error;
  throw new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'unknown' }, { cause: error });
}
