/** One task: read it, change it, cancel it. `locate-task.ts` says which task it is. */
import { FINAL_STATES, INACTIVE_STATES, storedTaskId, type TaskState } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { Cancellation, ControlOutcome } from '../broker/control.ts';
import type { TaskRecord } from '../broker/inspect.ts';
import { anyBytes, orNull } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import type { TaskRef } from '../runtime/events.ts';
import type { TaskLog } from '../task/task-notes.ts';
import { encodeGiven } from '../task/payload.ts';
import {
  checkCancellation,
  checkedAddress,
  checkLocated,
  facetsOf,
  type LocatedTask,
  type TaskAddress,
} from './arguments.ts';

const MAX_PAYLOAD_BYTES = 4 * 1_024 * 1_024;
/** The states that allow an action, for the error that names them. The broker decides. */
const ALLOWED_STATES = {
  run: ['scheduled', 'retry', 'completed', 'cancelled', 'archived', 'aggregating'],
  archive: ['scheduled', 'pending', 'retry', 'completed', 'cancelled', 'aggregating'],
  remove: ['in any state but active'],
  updatePayload: ['scheduled'],
  cancel: [...INACTIVE_STATES, 'active'],
} as const;

/** @throws TaskCenterError `invalid-value` */
function refOf(task: LocatedTask): TaskRef {
  const { queue, storedId } = checkLocated(task);
  return { queue, id: storedId };
}

function notFound({ queue, id }: LocatedTask): TaskCenterError {
  return new TaskCenterError('task-not-found', { queue, id });
}

/** @throws TaskCenterError `task-not-found`, `wrong-state`: the change was refused */
function requireDone(task: LocatedTask, action: keyof typeof ALLOWED_STATES, outcome: ControlOutcome): void {
  if (outcome.code === 'done') return;
  if (outcome.code === 'task-not-found') throw notFound(task);
  const { queue, id } = task;
  throw new TaskCenterError('wrong-state', {
    queue,
    id,
    state: outcome.state,
    allowed: ALLOWED_STATES[action],
  });
}

/** The task with everything that is stored of it. @throws TaskCenterError `task-not-found` */
export async function getTask(broker: Broker, task: LocatedTask): Promise<TaskRecord> {
  const { inspect } = facetsOf(broker, 'inspect');
  const record = await inspect.task(refOf(task));
  if (record === null) throw notFound(task);
  return record;
}

/** The log lines that are kept with a task. @throws TaskCenterError `task-not-found` */
export async function getTaskLog(broker: Broker, task: LocatedTask): Promise<TaskLog> {
  const { inspect } = facetsOf(broker, 'inspect');
  const log = await inspect.log(refOf(task));
  if (log === null) throw notFound(task);
  return log;
}

/** Makes a task pending now, behind those that are pending. @throws TaskCenterError `task-not-found`, `wrong-state` */
export async function runTask(broker: Broker, task: LocatedTask): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  requireDone(task, 'run', await control.run(refOf(task)));
}

/** Archives a task: it will not run again. @throws TaskCenterError `task-not-found`, `wrong-state` */
export async function archiveTask(broker: Broker, task: LocatedTask): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  requireDone(task, 'archive', await control.archive(refOf(task)));
}

/** Removes a task and its unique lock. @throws TaskCenterError `task-not-found`, `wrong-state` */
export async function removeTask(broker: Broker, task: LocatedTask): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  requireDone(task, 'remove', await control.remove(refOf(task)));
}

/** The bytes of a payload, at most 4 MiB; null = none. @throws TaskCenterError `invalid-value`, `payload-too-large` */
export function encodeNewPayload(payload: unknown): Uint8Array | null {
  const bytes = encodeGiven('payload', payload);
  if (bytes && bytes.length > MAX_PAYLOAD_BYTES)
    throw new TaskCenterError('payload-too-large', { got: bytes.length, limit: MAX_PAYLOAD_BYTES });
  return bytes;
}

const checkNewPayload = orNull(anyBytes);

/** Replaces the payload of a scheduled task. @throws TaskCenterError `task-not-found`, `wrong-state` */
export async function updateTaskPayload(
  broker: Broker,
  task: LocatedTask,
  payload: Uint8Array | null,
): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  checkNewPayload(payload, 'payload');
  requireDone(task, 'updatePayload', await control.updatePayload(refOf(task), payload));
}

const isFinal = (state: TaskState) => (FINAL_STATES as readonly TaskState[]).includes(state);

/**
 * What came of a cancellation:
 *
 * - `cancelled_before_start`: the task waited, and never starts.
 * - `requested`: it runs. Its worker is told, and nothing starts the task again: it ends as `cancelled`, unless its attempt
 *   succeeds.
 * - `already_finished`: it stays as it has ended.
 */
export type CancelResult = 'cancelled_before_start' | 'requested' | 'already_finished';

/**
 * Cancels a task: docs/cancel.md. It may be repeated; the first who asked is kept. A task that waits in a group is refused.
 *
 * The request for a task that runs is stored before its worker is told. If the worker cannot be told, the request stands
 * all the same, so an error of that message is not the caller's.
 *
 * @throws TaskCenterError `task-not-found`, `wrong-state`
 */
export async function cancelTask(
  broker: Broker,
  task: LocatedTask,
  cancellation: Cancellation,
): Promise<CancelResult> {
  const { control, signals } = facetsOf(broker, 'control', 'signals');
  checkCancellation(cancellation, 'cancellation');
  const outcome = await control.cancel(refOf(task), cancellation);
  if (outcome.code === 'requested') {
    await signals.cancel([task.storedId]).catch(() => {});
    return 'requested';
  }
  if (outcome.code === 'wrong-state' && isFinal(outcome.state)) return 'already_finished';
  requireDone(task, 'cancel', outcome);
  return 'cancelled_before_start';
}

/**
 * Publishes Asynq's cancel message, which has only Asynq's meaning: every worker that runs a task with this stored ID, in
 * any queue, stops the attempt, which fails with `context canceled` and is retried. A task that waits is not affected.
 * Nothing is stored or confirmed, and no error says that there was no such task. `cancelTask` cancels for good.
 *
 * @throws TaskCenterError `broker-unavailable`
 */
export async function publishAsynqCancel(broker: Broker, task: TaskAddress | string): Promise<void> {
  const { signals } = facetsOf(broker, 'signals');
  const { id, businessId = null } = checkedAddress(task);
  await signals.cancel([storedTaskId(id, businessId)]);
}
