/** Operations on tasks. Submitting and listing have files of their own. */
import { control, isTaskCenterError, logicalQueue } from '@task-center/engine';
import { INACTIVE_STATES } from '@task-center/model';
import type { Call, Handlers, Reply } from '../call.ts';
import { ProblemError } from '../../problem.ts';
import { urlItems } from '../submission/callback.ts';
import { findTask, locate } from './find-task.ts';
import { pageBytes, readPageWithinBytes, singleBytes } from './answer-size.ts';
import { listTasks } from './list.ts';
import { presentTask, stacksFor } from './present.ts';
import { SINGLE_TASK_PARTS, submitTask } from './submit.ts';

/** `GET /v1/tasks/{id}`. `include` adds further parts. */
async function getTask(call: Call<'getTask'>): Promise<Reply> {
  const record = await findTask(call);
  const { include = [] } = call.query;
  const parts = new Set([...SINGLE_TASK_PARTS, ...include, ...stacksFor(call.principal)]);
  return { body: presentTask(record, parts) };
}

/**
 * Rejects with a problem in place of the error `wrong-state`.
 *
 * @param what the past participle for its text: `cancelled`, `deleted`
 * @param listed the allowed states, where the error describes them in words
 */
function explainRefusal(what: string, listed?: readonly string[]) {
  return (error: unknown): never => {
    if (!isTaskCenterError(error, 'wrong-state')) throw error;
    const { id, state, allowed } = error.details;
    const which = state === 'active' ? 'a running task' : 'a task in this state';
    const why = `${which} cannot be ${what}`;
    const extra = { state, allowed: listed ?? allowed };
    throw new ProblemError('wrong-state', `Task "${id}" is ${state}; ${why}.`, { extra });
  };
}

/**
 * `POST /v1/tasks/{id}/cancel`: ends a task that has not started, and asks one that runs to stop. Idempotent: a finished
 * task answers `already_finished`.
 */
async function cancelTask(call: Call<'cancelTask'>): Promise<Reply> {
  const { broker } = call.deps;
  const task = await locate(call);
  const { reason } = call.body;
  const cancellation = { by: call.principal.keyId, ...(reason !== undefined && { reason }) };
  const before = await control.getTask(broker, task);
  const outcome = await control.cancelTask(broker, task, cancellation).catch(explainRefusal('cancelled'));
  // A task without retention may succeed before it is read again.
  const record = (await broker.inspect.task({ queue: task.queue, id: task.storedId })) ?? before;
  return { body: { outcome, task: presentTask(record, SINGLE_TASK_PARTS) } };
}

/** `DELETE /v1/tasks/{id}`: removes a task that is not running, with its history. */
async function deleteTask(call: Call<'deleteTask'>): Promise<Reply> {
  const task = await locate(call);
  // A task in a group can be deleted, too. The refusal does not name that state, because no list over HTTP shows it yet.
  await control.removeTask(call.deps.broker, task).catch(explainRefusal('deleted', INACTIVE_STATES));
  const fields = { queue: logicalQueue(task.queue).name, task_id: task.id, request_id: call.requestId };
  call.deps.runtime.log.debug(fields, 'a task was deleted');
  return { status: 204 };
}

export const taskHandlers = {
  submitTask: {
    handle: submitTask,
    findFurtherItems: (body, { rules }) => urlItems(body, { rules, basePath: [] }),
  },
  listTasks: {
    handle: (call) => readPageWithinBytes(call, listTasks),
    answerBytes: ({ query }) => pageBytes(query),
  },
  getTask: { handle: getTask, answerBytes: ({ query }) => singleBytes(query) },
  cancelTask,
  deleteTask,
} satisfies Partial<Handlers>;
