import { isTaskCenterError, type TaskCenterError } from '../../src/errors/task-center-error.ts';

/** The error of an `enqueueMany` that could not store all of its tasks. */
export async function someNotStored(storing: Promise<unknown>): Promise<TaskCenterError<'some-not-stored'>> {
  const error = await storing.then(
    () => new Error('all were stored'),
    (reason: unknown) => reason,
  );
  if (isTaskCenterError(error, 'some-not-stored')) return error;
  throw error;
}
