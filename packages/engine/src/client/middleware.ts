import { invalidValue, messageOf, TaskCenterError } from '../errors/task-center-error.ts';
import { runLayer } from '../runtime/layers.ts';
import type { EnqueuedTask } from './outcomes.ts';
import type { TaskToEnqueue } from './prepare-task.ts';

/**
 * Runs around each task that a client enqueues. `next()` stores it, or the other task that it is given, and resolves to the stored one.
 * What a middleware returns is what the caller gets; undefined stands for what `next()` resolved to. An error that it throws
 * reaches the caller, and the task is not stored unless `next` has done so.
 */
export type ClientMiddleware = (
  task: TaskToEnqueue,
  next: (task?: TaskToEnqueue) => Promise<EnqueuedTask>,
) => unknown;

type StoreTask = (task: TaskToEnqueue) => Promise<EnqueuedTask>;

const secondCall = () =>
  invalidValue('next()', 'a second call', 'one call for each task: it would be stored twice');

/** @throws TaskCenterError `invalid-value`; whatever a middleware or `store` throws */
export async function throughMiddleware(
  layers: readonly ClientMiddleware[],
  task: TaskToEnqueue,
  store: StoreTask,
): Promise<EnqueuedTask> {
  const run = layers.reduceRight<StoreTask>(
    (rest, layer) => async (given) => {
      const inner = (changed: TaskToEnqueue = given) => rest(changed);
      const stored = await runLayer((next) => layer(given, next), inner, secondCall);
      if (typeof stored === 'object' && stored !== null) return stored as EnqueuedTask;
      throw invalidValue('what a middleware returned', stored, 'the stored task, to which next() resolves');
    },
    store,
  );
  return run(task);
}

/** The error of a task of a batch: one of ours, whatever the middleware threw. */
export function middlewareError(thrown: unknown): TaskCenterError {
  if (thrown instanceof TaskCenterError) return thrown;
  const got = `an error of a middleware: ${messageOf(thrown)}`;
  const details = { name: 'The task', got, expected: 'a task that every middleware lets through' };
  return new TaskCenterError('invalid-value', details, { cause: thrown });
}

/** The error of a call that waits for a task which a middleware has kept from being stored. */
export const nextNotCalled = () =>
  invalidValue(
    'what a middleware did',
    'no call of next()',
    'one call: without it there is no task to wait for',
  );
