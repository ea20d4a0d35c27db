/** `POST /v1/batches`: checks and stores up to 1,000 tasks, each with its own outcome. */
import { itemsOf, taskInput, type BatchItem } from '@task-center/api';
import type { EnqueueOutcome, NewTask } from '@task-center/engine';
import type { Call, Handlers, Reply } from '../call.ts';
import { asProblem, DEFECT, invalid, problemBody, ProblemError } from '../../problem.ts';
import { urlItems } from '../submission/callback.ts';
import { newTask, type Submission } from '../submission/new-task.ts';
import { reportCallbackQueue, presentStored, submissionOf, taskExists } from '../tasks/submit.ts';

type TaskFields = Readonly<Record<string, unknown>>;
type SubmitCall = Call<'submitBatch'>;

/** Groups of alternative fields. A task that has one field of a group takes none of the group from the defaults. */
const ALTERNATIVES = [
  ['payload', 'payload_text', 'payload_base64', 'content_type'],
  ['delay', 'run_at'],
  ['queue', 'priority'],
  ['traceparent', 'trace_id'],
] as const;

function withDefaults<T extends TaskFields>(own: T, defaults: TaskFields): T {
  const applicable = { ...defaults };
  for (const group of ALTERNATIVES) {
    if (group.every((name) => own[name] === undefined)) continue;
    for (const name of group) delete applicable[name];
  }
  return { ...applicable, ...own };
}

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

/** A task for the broker, or the problem, for each item. A bad item does not stop the others. */
function prepare(call: SubmitCall): (NewTask | ProblemError)[] {
  const { tasks, defaults = {} } = call.body;
  return tasks.map((own, index) => {
    try {
      return toNewTask(own, defaults, submissionOf(call, ['tasks', index]));
    } catch (error) {
      const problem = asProblem(error);
      if (problem === null) throw error;
      return problem;
    }
  });
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
  const prepared = prepare(call);
  const valid = prepared.filter((item): item is NewTask => !(item instanceof ProblemError));
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
