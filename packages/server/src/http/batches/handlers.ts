/** `POST /v1/batches`: checks and stores up to 1,000 tasks, each with its own outcome. */
import { itemsOf, taskInput, type BatchItem } from '@task-center/api';
import { isTaskCenterError, logicalQueue, type EnqueueOutcome, type NewTask } from '@task-center/engine';
import type { Call, Handlers, Reply } from '../call.ts';
import { asProblem, DEFECT, invalid, problemBody, ProblemError, withTask } from '../../problem.ts';
import { urlItems } from '../submission/callback.ts';
import { TASK_BYTES } from '../tasks/answer-size.ts';
import { newTask, type Submission } from '../submission/new-task.ts';
import { mapInTurns } from '../in-turns.ts';
import { checkTotalSize, withDefaults, type TaskFields } from './defaults.ts';
import {
  namesOf,
  presentStored,
  reportCallbackQueue,
  submissionOf,
  taskExists,
  tooManyQueues,
  withinQueueLimit,
} from '../tasks/submit.ts';

type SubmitCall = Call<'submitBatch'>;

const isTask = (item: NewTask | ProblemError): item is NewTask => !(item instanceof ProblemError);

/** @throws ProblemError the task is not valid */
function toNewTask(own: TaskFields, defaults: TaskFields, submission: Submission): NewTask {
  const result = taskInput.safeParse(own);
  // The defaults were decoded with the batch, and no rule of a schema spans two fields.
  if (result.success) return newTask(withDefaults(result.data, defaults), submission);
  const items = itemsOf(result.error, {
    schema: taskInput,
    input: own,
    location: 'pointer',
    basePath: submission.basePath,
  });
  throw invalid([...items, ...urlItems(withDefaults(own, defaults), submission)]);
}

/** The problem of one item. A defect is logged, and the other items go on. */
function problemOf(call: SubmitCall, error: unknown, index: number): ProblemError {
  call.deps.shortages?.note(error);
  const problem = asProblem(error);
  if (problem !== null) return problem;
  const fields = { request_id: call.requestId, index, err: error };
  call.deps.runtime.log.error(fields, 'a task of a batch failed with an internal error');
  return DEFECT;
}

/** A task for the broker, or the problem, for each item. A bad item does not stop the others. */
function prepare(call: SubmitCall): Promise<(NewTask | ProblemError)[]> {
  const { tasks, defaults = {} } = call.body;
  return mapInTurns(tasks, call.deps.runtime.clock, (own, index) => {
    try {
      return toNewTask(own, defaults, submissionOf(call, ['tasks', index]));
    } catch (error) {
      return problemOf(call, error, index);
    }
  });
}

/** Stores the tasks, but those whose queue would be one too many: their items become problems. */
function storeItems(call: SubmitCall, prepared: readonly (NewTask | ProblemError)[]) {
  return withinQueueLimit(call, prepared.filter(isTask), async (refused) => {
    const items = prepared.map((item, index) => {
      const isRefused = isTask(item) && refused.has(logicalQueue(item.queue).name);
      return isRefused ? tooManyQueues(call, ['tasks', index]) : item;
    });
    return { items, outcomes: await storeAll(call, items.filter(isTask)) };
  });
}

/** The answer for a task that was given to the broker. A problem names the task, also if its ID was made here. */
function presentOutcome(
  call: SubmitCall,
  { task, outcome, index }: { task: NewTask; outcome: EnqueueOutcome; index: number },
): ReturnType<typeof presentStored> | ProblemError {
  switch (outcome.code) {
    case 'created':
      reportCallbackQueue(call, task);
      return presentStored(task, outcome);
    case 'task-exists':
      return taskExists(task);
    case 'failed':
      return withTask(problemOf(call, outcome.error, index), namesOf(task));
    // Cannot happen: the API has no fields for unique tasks or durability yet.
    case 'duplicate-task':
    case 'durability-not-reached':
      return DEFECT;
    case 'broker-corrupt':
      call.deps.runtime.log.error(
        { request_id: call.requestId, queue: task.queue, reason: outcome.cause },
        'a task could not be stored: its key in the broker holds something else',
      );
      return withTask(DEFECT, namesOf(task));
  }
}

/** @throws ProblemError certainly none of them is stored */
async function storeAll(call: SubmitCall, tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
  try {
    return await call.deps.client.submitMany(tasks);
  } catch (error) {
    const isInDoubt = isTaskCenterError(error, 'broker-unavailable') && error.details.outcome === 'unknown';
    if (!isInDoubt) throw error;
    return tasks.map(() => ({ code: 'failed', error }));
  }
}

/** Checks and stores the tasks, and answers for each of them. */
async function storeBatch(call: SubmitCall): Promise<Reply> {
  const { items: prepared, outcomes } = await storeItems(call, await prepare(call));
  let next = 0;
  const items = prepared.map((item, index): BatchItem => {
    const result =
      item instanceof ProblemError
        ? item
        : presentOutcome(call, { task: item, outcome: outcomes[next++]!, index });
    if (!(result instanceof ProblemError)) return { index, status: 201, task: result };
    const problem = problemBody(result);
    return { index, status: problem.status, problem };
  });
  const created = items.filter(({ task }) => task !== undefined).length;
  const counts = { created, duplicate: 0, failed: items.length - created };
  return { body: { id: null, counts, items } };
}

/**
 * `POST /v1/batches`. Items are answered in the order of the tasks. A call of the broker that fails is the problem of its
 * tasks; the batch as a whole is refused only if certainly nothing was stored.
 *
 * @throws ProblemError `too-large`, `overloaded`
 */
function submitBatch(call: SubmitCall): Promise<Reply> {
  const { tasks, defaults } = call.body;
  const bytes = checkTotalSize(tasks, defaults ?? {});
  // Without defaults the budget of bodies bounds it.
  if (defaults === undefined) return storeBatch(call);
  return call.deps.batchTurns.run(bytes, () => storeBatch(call));
}

export const batchHandlers = {
  submitBatch: { handle: submitBatch, answerBytes: ({ body }) => body.tasks.length * TASK_BYTES },
} satisfies Partial<Handlers>;
