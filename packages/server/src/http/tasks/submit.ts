/** `POST /v1/tasks`, and what it shares with batches. */
import { isTaskCenterError, logicalQueue, plainTaskId, type NewTask } from '@task-center/engine';
import { itemAt, type Task, type TaskPart } from '@task-center/api';
import type { Principal } from '../../auth/principal.ts';
import type { Call, Reply } from '../call.ts';
import { presentNewTask, type Created } from './present.ts';
import { asProblem, invalid, ProblemError, withTask } from '../../problem.ts';
import { newTask, type Submission } from '../submission/new-task.ts';

/** The parts of a task in the answer of a call for this one task. */
export const SINGLE_TASK_PARTS: ReadonlySet<TaskPart> = new Set<TaskPart>(['payload', 'callback', 'result']);
const NO_PARTS: ReadonlySet<TaskPart> = new Set();

type AnyCall = Pick<Call<'submitTask'>, 'principal' | 'headers' | 'deps'>;

/** What a task is submitted with. `basePath`: its path in the body. */
export function submissionOf(
  { principal, headers, deps }: AnyCall,
  basePath: Submission['basePath'],
): Submission {
  const { clock, newId } = deps.runtime;
  return { principal, headers, rules: deps.rules, nowMs: clock.wallMs(), basePath, newId };
}

/** The ID and the queue that the caller knows, instead of the stored ones. */
export function namesOf({ id, queue, meta }: NewTask): { readonly id: string; readonly queue: string } {
  return { id: plainTaskId(id, meta.business ?? null), queue: logicalQueue(queue).name };
}

export function taskExists(task: NewTask): ProblemError {
  const { id, queue } = namesOf(task);
  const detail = `Task "${id}" already exists in queue "${queue}". Choose another ID, or leave it out to get a new one.`;
  return new ProblemError('task-exists', detail, { extra: { id, queue } });
}

/** Calls `run` with the logical queues to which these tasks may not be submitted, because each would be one too many. */
export function withinQueueLimit<Result>(
  { deps }: Pick<AnyCall, 'deps'>,
  tasks: readonly NewTask[],
  run: (refused: ReadonlySet<string>) => Promise<Result>,
): Promise<Result> {
  return deps.queueLimit.admit(
    tasks.map(({ queue }) => logicalQueue(queue).name),
    run,
  );
}

/** The problem of a task whose queue would be one too many. */
export function tooManyQueues(
  { deps }: Pick<AnyCall, 'deps'>,
  basePath: Submission['basePath'],
): ProblemError {
  const message = `does not exist yet, and there are ${deps.queueLimit.maxQueues} queues already (limits.queues): use one of them`;
  const details = { code: 'out_of_range', message, got: null };
  return invalid([itemAt({ location: 'pointer', basePath }, ['queue'], details)]);
}

/** Reports a stored callback task's queue to the callback worker, to which it may be new. */
export function reportCallbackQueue({ deps }: Pick<AnyCall, 'deps'>, { queue }: NewTask): void {
  const { name, kind } = logicalQueue(queue);
  if (kind === 'callback') deps.addCallbackQueue(name);
}

/** The task's URL. It names the business unless the key implies it. */
function locationOf({ id, queue, business_id }: Task, { businesses }: Principal): string {
  const query = new URLSearchParams({ queue });
  const implied = businesses?.length === 1 && businesses[0] === business_id;
  if (business_id !== null && !implied) query.set('business_id', business_id);
  return `/v1/tasks/${encodeURIComponent(id)}?${query.toString()}`;
}

/** @throws ProblemError `task-exists`, and those of the broker, with the task's ID: the caller may submit it again */
async function store(call: AnyCall, task: NewTask): Promise<Created> {
  try {
    return await call.deps.client.submit(task);
  } catch (error) {
    if (isTaskCenterError(error, 'task-exists')) throw taskExists(task);
    const problem = asProblem(error);
    throw problem === null ? error : withTask(problem, namesOf(task));
  }
}

/** A task of a batch in the answer, without parts: the caller has just sent them. */
export const presentStored = (task: NewTask, created: Created): Task =>
  presentNewTask(task, created, NO_PARTS);

/** `POST /v1/tasks` */
export async function submitTask(call: Call<'submitTask'>): Promise<Reply> {
  const task = newTask(call.body, submissionOf(call, []));
  const outcome = await withinQueueLimit(call, [task], async (refused) => {
    if (refused.size > 0) throw tooManyQueues(call, []);
    return store(call, task);
  });
  reportCallbackQueue(call, task);
  const body = presentNewTask(task, outcome, SINGLE_TASK_PARTS);
  return { status: 201, body, headers: { location: locationOf(body, call.principal) } };
}
