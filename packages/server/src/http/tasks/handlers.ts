/** Operations on tasks. Submitting and listing have files of their own. */
import type { TaskPart } from '@task-center/api';
import {
  FINAL_STATES,
  logicalQueue,
  WAITING_STATES,
  type TaskRecord,
  type TaskState,
} from '@task-center/engine';
import type { Call, Handlers, Reply } from '../call.ts';
import { presentTask } from './present.ts';
import { ProblemError } from '../../problem.ts';
import { urlItems } from '../submission/callback.ts';
import { findTask, locate, notFound, type TaskCall } from './find-task.ts';
import { listTasks } from './list.ts';
import { SINGLE_TASK_PARTS, submitTask } from './submit.ts';

/** `GET /v1/tasks/{id}`. `include` adds further parts. */
async function getTask(call: Call<'getTask'>): Promise<Reply> {
  const record = await findTask(call);
  const parts = new Set<TaskPart>([...SINGLE_TASK_PARTS, ...(call.query.include ?? [])]);
  return { body: presentTask(record, parts) };
}

const isFinal = (state: TaskState) => (FINAL_STATES as readonly TaskState[]).includes(state);

/** @param what the past participle for the message: `cancelled`, `deleted`. */
function wrongState(
  state: TaskState,
  { id, what, allowed }: { id: string; what: string; allowed: readonly string[] },
) {
  const why =
    state === 'active' ? `running tasks cannot be ${what} yet` : `a task in this state cannot be ${what}`;
  return new ProblemError('wrong-state', `Task "${id}" is ${state}; ${why}.`, { extra: { state, allowed } });
}

/** The record after a change; it may be gone, because deleted by another caller. */
async function reread(call: TaskCall, ref: { queue: string; id: string }): Promise<TaskRecord> {
  const record = await call.deps.broker.inspect.task(ref);
  if (record === null) throw notFound();
  return record;
}

/**
 * `POST /v1/tasks/{id}/cancel`: ends a task that has not started. Idempotent: a finished task answers
 * `already_finished`.
 */
async function cancelTask(call: Call<'cancelTask'>): Promise<Reply> {
  const { queue, id } = await locate(call);
  const { reason } = call.body;
  const author = { by: call.principal.keyId, ...(reason !== undefined && { reason }) };
  const outcome = await call.deps.broker.control.cancel({ queue, id }, author);
  if (outcome.code === 'task-not-found') throw notFound();
  if (outcome.code === 'wrong-state' && !isFinal(outcome.state))
    throw wrongState(outcome.state, {
      id: call.params.id,
      what: 'cancelled',
      allowed: [...WAITING_STATES, ...FINAL_STATES],
    });
  const task = presentTask(await reread(call, { queue, id }), SINGLE_TASK_PARTS);
  return { body: { outcome: outcome.code === 'done' ? 'cancelled_before_start' : 'already_finished', task } };
}

/** `DELETE /v1/tasks/{id}`: removes a task that is not running, with its history. */
async function deleteTask(call: Call<'deleteTask'>): Promise<Reply> {
  const { queue, id } = await locate(call);
  const outcome = await call.deps.broker.control.remove({ queue, id });
  if (outcome.code === 'task-not-found') throw notFound();
  if (outcome.code === 'wrong-state')
    throw wrongState(outcome.state, {
      id: call.params.id,
      what: 'deleted',
      allowed: [...WAITING_STATES, ...FINAL_STATES],
    });
  const fields = { queue: logicalQueue(queue).name, task_id: call.params.id, request_id: call.requestId };
  call.deps.runtime.log.debug(fields, 'a task was deleted');
  return { status: 204 };
}

export const taskHandlers = {
  submitTask: {
    handle: submitTask,
    findFurtherItems: (body, { rules }) => urlItems(body, { rules, basePath: [] }),
  },
  listTasks,
  getTask,
  cancelTask,
  deleteTask,
} satisfies Partial<Handlers>;
