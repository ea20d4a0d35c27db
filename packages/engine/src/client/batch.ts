import type { Broker } from '../broker/broker.ts';
import type { Durability, EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { isOptions } from '../checks/options.ts';
import { isList } from '../checks/values.ts';
import { failedOutcome } from '../errors/failures.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import { storeBatchInSpans } from '../tracing/submission-spans.ts';
import { middlewareError } from './middleware.ts';
import {
  batchOutcome,
  outcomeOfError,
  type BatchOutcome,
  type EnqueuedTask,
  type NotStored,
} from './outcomes.ts';
import {
  checkTaskToEnqueue,
  DURABILITIES,
  preparationError,
  type PrepareTask,
  type TaskToEnqueue,
} from './prepare-task.ts';

// The tasks of one `enqueueMany`. Whatever is wrong with one of them, or with a call to the broker, is an outcome of the tasks
// that it concerns: all others are tried.

export interface BatchDeps {
  readonly broker: Pick<Broker, 'name' | 'submit'>;
  readonly prepare: PrepareTask;
  /** Stores one task through the client's middleware, as `finish` returns it. Left out = there is none. */
  readonly storeThrough?: (
    task: TaskToEnqueue,
    finish: (prepared: NewTask) => NewTask,
  ) => Promise<EnqueuedTask>;
}

/** What the tasks of a batch become. Each index of the list that was given has a prepared task, or an outcome already. */
interface Progress {
  readonly prepared: (NewTask | undefined)[];
  readonly outcomes: BatchOutcome[];
}

/** Whether a task is prepared synchronously and stored with the usual durability. What cannot be read is refused later. */
function isUsual(given: unknown): boolean {
  try {
    const { task, durability } = (given ?? {}) as Partial<TaskToEnqueue>;
    return typeof task !== 'object' && durability !== 'replicated' && durability !== 'fsync';
  } catch {
    return true;
  }
}

function checkIsTask(given: unknown, index: number): void {
  if (!isOptions(given))
    throw invalidValue(
      `tasks[${index}]`,
      given,
      'an object with `task`, and if needed `payload` and options',
    );
  checkTaskToEnqueue(given);
}

/** The outcome of a task that is not valid. */
const invalid = (error: unknown): NotStored => ({ error: preparationError(error), id: null, queue: null });

/** Stores tasks. If the call fails as a whole, that is the outcome of each of them. */
async function submit(
  { broker }: BatchDeps,
  tasks: Iterable<NewTask>,
  durability: Durability,
): Promise<(i: number) => EnqueueOutcome> {
  try {
    const outcomes = await storeBatchInSpans(tasks, (traced) =>
      broker.submit.enqueue(traced, { durability }),
    );
    return (i) => outcomes[i]!;
  } catch (error) {
    const failed = failedOutcome(error, broker.name);
    return () => failed;
  }
}

/** Prepares each task when the broker reads it: the first ones are sent while the last ones are still prepared. */
function* prepareWhileRead(
  tasks: readonly TaskToEnqueue[],
  { prepare }: BatchDeps,
  { prepared, outcomes }: Progress,
): Generator<NewTask> {
  for (const [index, given] of tasks.entries()) {
    try {
      checkIsTask(given, index);
      const task = prepare(given.task, given.payload, given) as NewTask;
      prepared[index] = task;
      yield task;
    } catch (error) {
      outcomes[index] = invalid(error);
    }
  }
}

async function submitWhileRead(tasks: readonly TaskToEnqueue[], deps: BatchDeps): Promise<BatchOutcome[]> {
  const progress: Progress = { prepared: [], outcomes: [] };
  const reading = prepareWhileRead(tasks, deps, progress);
  const outcomeOf = await submit(deps, reading, 'memory');
  // A broker that refuses the call may not have read all of them.
  while (reading.next().done !== true);
  const { prepared, outcomes } = progress;
  let submitted = 0;
  for (const [index, task] of prepared.entries()) {
    if (!task) continue;
    outcomes[index] = batchOutcome(task, outcomeOf(submitted), 'memory');
    submitted += 1;
  }
  return outcomes;
}

/** Prepares all tasks together: a promise that is awaited later could reject first, unhandled. */
async function prepareAll(tasks: readonly TaskToEnqueue[], { prepare }: BatchDeps): Promise<Progress> {
  const preparing = Array.from(tasks, async (given, index) => {
    checkIsTask(given, index);
    return prepare(given.task, given.payload, given);
  });
  const progress: Progress = { prepared: [], outcomes: [] };
  for (const [index, settled] of (await Promise.allSettled(preparing)).entries()) {
    if (settled.status === 'fulfilled') progress.prepared[index] = settled.value;
    else progress.outcomes[index] = invalid(settled.reason);
  }
  return progress;
}

async function submitPrepared(tasks: readonly TaskToEnqueue[], deps: BatchDeps): Promise<BatchOutcome[]> {
  const { prepared, outcomes } = await prepareAll(tasks, deps);
  for (const durability of DURABILITIES) {
    const some = [...prepared.entries()].flatMap(([index, task]) =>
      task && (tasks[index]?.durability ?? 'memory') === durability ? [{ index, task }] : [],
    );
    if (some.length === 0) continue;
    const outcomeOf = await submit(
      deps,
      some.map(({ task }) => task),
      durability,
    );
    for (const [i, { task, index }] of some.entries())
      outcomes[index] = batchOutcome(task, outcomeOf(i), durability);
  }
  return outcomes;
}

/** Through middleware each task goes its own way. Those that arrive at the end in the same turn share calls all the same. */
async function submitEach(
  tasks: readonly TaskToEnqueue[],
  storeThrough: NonNullable<BatchDeps['storeThrough']>,
): Promise<BatchOutcome[]> {
  const storing = Array.from(tasks, async (given, index): Promise<BatchOutcome> => {
    let prepared: NewTask | undefined;
    try {
      checkIsTask(given, index);
      return await storeThrough(given, (task) => (prepared = task));
    } catch (thrown) {
      const error = middlewareError(thrown);
      return prepared ? outcomeOfError(prepared, error) : { error, id: null, queue: null };
    }
  });
  return Promise.all(storing);
}

/**
 * Stores the tasks of a batch. Resolves when all of them have been tried, to one outcome per task, in order.
 *
 * @throws TaskCenterError `invalid-value`: `tasks` is no list
 */
export async function submitBatch(tasks: readonly TaskToEnqueue[], deps: BatchDeps): Promise<BatchOutcome[]> {
  if (!isList(tasks)) throw invalidValue('tasks', tasks, 'a list of tasks');
  if (tasks.length === 0) return [];
  if (deps.storeThrough) return submitEach(tasks, deps.storeThrough);
  return tasks.every(isUsual) ? submitWhileRead(tasks, deps) : submitPrepared(tasks, deps);
}
