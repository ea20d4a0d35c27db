import { isTaskCenterError, TaskCenterError } from './task-center-error.ts';

// One operation that takes several calls: what to tell when some of them failed.

/** Null = the call succeeded. */
export type Failure = { readonly error: unknown } | null;

/** Settles at once, so that no failure goes unheard while later calls are still being sent. */
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

/** Throws the first failure; where others may have stored tasks, it does not say that nothing was stored. */
export function throwFirst(failures: readonly Failure[]): void {
  const first = failures.find((failure) => failure !== null);
  if (!first) return;
  const { error } = first;
  if (!isTaskCenterError(error, 'broker-unavailable') || failures.every(wasNotStored)) throw error;
  throw new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'unknown' }, { cause: error });
}
