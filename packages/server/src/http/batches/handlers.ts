/** `POST /v1/batches`: checks and stores up to 1,000 tasks, each with its own outcome. */
import { itemsOf, taskInput, type BatchItem } from '@task-center/api';
import { logicalQueue, type EnqueueOutcome, type NewTask } from '@task-center/engine';
import type { Call, Handlers, Reply } from '../call.ts';
import { asProblem, DEFECT, invalid, problemBody, ProblemError } from '../../problem.ts';
import { urlItems } from '../submission/callback.ts';
import { newTask, type Submission } from '../submission/new-task.ts';
import { mapInTurns } from '../in-turns.ts';
import { checkTotalSize, withDefaults, type TaskFields } from './defaults.ts';
import {
  presentStored,
  refusedQueues,
  reportCallbackQueue,
  submissionOf,
  taskExists,
  tooManyQueues,
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

/**
 * A task for the broker, or the problem, for each item. A bad item does not stop the others.
 *
 * @throws ProblemError `too-large`: the batch as a whole
 */
function prepare(call: SubmitCall): Promise<(NewTask | ProblemError)[]> {
  const { tasks, defaults = {} } = call.body;
  checkTotalSize(tasks, defaults);
  return mapInTurns(tasks, call.deps.runtime.clock, (own, index) => {
    try {
      return toNewTask(own, defaults, submissionOf(call, ['tasks', index]));
    } catch (error) {
      const problem = asProblem(error);
      if (problem === null) throw error;
      return problem;
    }
  });
}

/** Refuses the items whose queue would be one too many. */
async function refuseQueues(
  call: SubmitCall,
  prepared: readonly (NewTask | ProblemError)[],
): Promise<(NewTask | ProblemError)[]> {
  const refused = await refusedQueues(call, prepared.filter(isTask));
  return prepared.map((item, index) =>
    isTask(item) && refused.has(logicalQueue(item.queue).name) ? tooManyQueues(call, ['tasks', index]) : item,
  );
}

/** The answer for a task that was given to the broker. */
function presentOutcome(
  call: SubmitCall,
  task: NewTask,
  outcome: EnqueueOutcome,
): ReturnType<typeof presentStored> | ProblemError {
  switch (outcome.code) {
    case 'created':
      reportCallbackQueue(call, task);
      return presentStored(task, outcome);
    case 'task-exists':
      return taskExists(task);
    // Cannot happen: the API has no fields for unique tasks or durability yet.
    case 'duplicate-task':
    case 'durability-not-reached':
      return DEFECT;
    case 'broker-corrupt':
      call.deps.runtime.log.error(
        { request_id: call.requestId, queue: task.queue, reason: outcome.cause },
        'a task could not be stored: its key in the broker holds something else',
      );
      return DEFECT;
  }
}

/** `POST /v1/batches`. Items are answered in the order of the tasks. */
async function submitBatch(call: SubmitCall): Promise<Reply> {
  const prepared = await refuseQueues(call, await prepare(call));
  const valid = prepared.filter(isTask);
  const outcomes = await call.deps.client.submitMany(valid);
  let next = 0;
  const items = prepared.map((item, index): BatchItem => {
    const result =
      item instanceof ProblemError ? item : presentOutcome(call, item, outcomes[next++] as EnqueueOutcome);
    if (!(result instanceof ProblemError)) return { index, status: 201, task: result };
    const problem = problemBody(result);
    return { index, status: problem.status, problem };
  });
  const created = items.filter(({ task }) => task !== undefined).length;
  const counts = { created, duplicate: 0, failed: items.length - created };
  return { body: { id: null, counts, items } };
}

export const batchHandlers = { submitBatch } satisfies Partial<Handlers>;
