import { itemsOf, taskInput, type BatchItem } from '@task-center/api';
import type { EnqueueOutcome, NewTask } from '@task-center/engine';
import type { Call, Reply } from '../call.ts';
import { asProblem, DEFECT, invalid, problemBody, ProblemError } from '../../problem.ts';
import { urlItems } from '../submission/callback.ts';
import { newTask, type Submission } from '../submission/new-task.ts';
import { storedRecord } from '../submission/stored.ts';
import { reportCallbackQueue, presentStored, submissionOf, taskExists } from './submit.ts';

type Fields = Readonly<Record<string, unknown>>;
type SubmitCall = Call<'submitBatch'>;

/** Fields that say the same thing in several ways: a task's own one puts all of the defaults' out of force. */
const TOGETHER = [
  ['payload', 'payload_text', 'payload_base64', 'content_type'],
  ['delay', 'run_at'],
  ['queue', 'priority'],
  ['traceparent', 'trace_id'],
] as const;

function withDefaults(own: Fields, defaults: Fields): Fields {
  const kept = { ...defaults };
  for (const group of TOGETHER) {
    if (group.every((name) => own[name] === undefined)) continue;
    for (const name of group) delete kept[name];
  }
  return { ...kept, ...own };
}

function checked(own: Fields, defaults: Fields, submission: Submission): NewTask {
  const input = withDefaults(own, defaults);
  const result = taskInput.safeParse(input);
  if (result.success) return newTask(result.data, submission);
  const items = itemsOf(result.error, {
    schema: taskInput,
    input,
    location: 'pointer',
    basePath: submission.basePath,
  });
  throw invalid([...items, ...urlItems(input, submission)]);
}

function prepare(call: SubmitCall): (NewTask | ProblemError)[] {
  const { tasks, defaults = {} } = call.body;
  return tasks.map((own, index) => {
    try {
      return checked(own, defaults, submissionOf(call, ['tasks', index]));
    } catch (error) {
      const problem = asProblem(error);
      if (problem === null) throw error;
      return problem;
    }
  });
}

function outcomeOf(
  call: SubmitCall,
  task: NewTask,
  outcome: EnqueueOutcome,
): ReturnType<typeof presentStored> | ProblemError {
  switch (outcome.code) {
    case 'created':
      reportCallbackQueue(call, task);
      return presentStored(storedRecord(task, outcome));
    case 'task-exists':
      return taskExists(task);
    // No field of the API makes a task unique or asks for a durability.
    case 'duplicate-task':
    case 'durability-not-reached':
      return DEFECT;
    case 'broker-corrupt':
      call.deps.runtime.log.error(
        { request_id: call.requestId, queue: task.queue, reason: outcome.cause },
        'a task could not be stored: what stands under its name is not ours',
      );
      return DEFECT;
  }
}

/** `POST /v1/batches`: every task has its own outcome, in order. */
export async function submitBatch(call: SubmitCall): Promise<Reply> {
  const prepared = prepare(call);
  const good = prepared.filter((one): one is NewTask => !(one instanceof ProblemError));
  const outcomes = await call.deps.client.submitMany(good);
  let next = 0;
  const items = prepared.map((one, index): BatchItem => {
    const done = one instanceof ProblemError ? one : outcomeOf(call, one, outcomes[next++] as EnqueueOutcome);
    if (!(done instanceof ProblemError)) return { index, status: 201, task: done };
    const problem = problemBody(done);
    return { index, status: problem.status, problem };
  });
  const created = items.filter(({ task }) => task !== undefined).length;
  const counts = { created, duplicate: 0, failed: items.length - created };
  return { body: { id: null, counts, items } };
}
