import { createHash } from 'node:crypto';
import type { TaskState } from '@task-center/model';
import type {
  BulkOutcome,
  BulkStep,
  CancelOutcome,
  ControlOutcome,
  TaskAction,
} from '../../../../broker/control.ts';
import { configKey, pausedKey, pendingKey, taskKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, type Refusal, textOf } from '../reply.ts';

/** Parses `done:<state before>`, `state:<state>` (the change is not possible in it) or `none` (no such task). */
function controlOutcome(raw: unknown): ControlOutcome | Refusal {
  const refusal = refusalIn(raw);
  if (refusal) return refusal;
  const [code, state] = textOf(raw).split(':') as [string, TaskState];
  if (code === 'done') return { code: 'done', from: state };
  return code === 'state' ? { code: 'wrong-state', state } : { code: 'task-not-found' };
}

export interface PauseCall {
  readonly queue: string;
  readonly receipt: Receipt;
  /** False = resume. */
  readonly paused: boolean;
  /** Shown to people; null = none. */
  readonly reason: string | null;
}

/** Pauses or resumes a queue. Replies with whether that changed anything. */
export const pause = defineScript({
  lua: lua.pause,
  keys: ({ queue, receipt }: PauseCall) => ({
    receipt: receipt.key,
    paused: pausedKey(queue),
    config: configKey(queue),
  }),
  args: ({ receipt, paused, reason }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    isPause: paused ? 1 : 0,
    hasReason: reason === null ? 0 : 1,
    reason: reason ?? '',
  }),
  reply: (raw): boolean | Refusal => refusalIn(raw) ?? textOf(raw) === '1',
});

export interface CancelCall {
  readonly task: TaskRef;
  readonly receipt: Receipt;
  /** A JSON object with reason and author; the script adds the time. */
  readonly cancellationJson: string;
  /** How long the cancelled task is kept. */
  readonly keepS: number;
  /** Key of the unique lock; '' = none. */
  readonly lock: string;
}

/**
 * Moves a task that is scheduled, pending or in retry to `completed`, and sets its own state to `cancelled`. An active task stays
 * active with the own state `cancelling`.
 */
export const cancel = defineScript({
  lua: lua.cancel,
  keys: ({ task, receipt }: CancelCall) => ({
    receipt: receipt.key,
    pending: pendingKey(task.queue),
    task: taskKey(task.queue, task.id),
  }),
  args: ({ task, receipt, cancellationJson, keepS, lock }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    id: task.id,
    cancellation: cancellationJson,
    keepS,
    lock,
  }),
  reply: (raw): CancelOutcome | Refusal =>
    textOf(raw) === 'requested' ? { code: 'requested' } : controlOutcome(raw),
});

export interface ChangeOneCall {
  readonly task: TaskRef;
  readonly receipt: Receipt;
  readonly action: TaskAction;
  /** Key of the unique lock; '' = none. */
  readonly lock: string;
}

/** Runs, archives or removes a task if its state allows it. Only `remove` releases its unique lock. */
export const changeOne = defineScript({
  lua: lua.changeOne,
  keys: ({ task, receipt }: ChangeOneCall) => ({
    receipt: receipt.key,
    pending: pendingKey(task.queue),
    task: taskKey(task.queue, task.id),
  }),
  args: ({ task, receipt, action, lock }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    id: task.id,
    action,
    lock,
  }),
  reply: controlOutcome,
});

/** One step of a bulk change. The script finds the tasks itself, and reads their unique locks from the task hashes. */
export interface ChangeManyCall extends BulkStep {
  readonly receipt: Receipt;
}

/** Changes the first tasks of a state. Replies with how many, and whether there are more. */
export const changeMany = defineScript({
  lua: lua.changeMany,
  keys: ({ queue, receipt }: ChangeManyCall) => ({ receipt: receipt.key, pending: pendingKey(queue) }),
  args: ({ receipt, action, state, group, limit }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    action,
    state,
    group: group ?? '',
    limit,
  }),
  reply: (raw): BulkOutcome | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [handled, more] = textOf(raw).split(':');
    return { handled: Number(handled), more: more === '1' };
  },
});

export interface UpdatePayloadCall {
  readonly task: TaskRef;
  /** The message that was read. */
  readonly before: Buffer;
  /** The same message with the new payload. */
  readonly after: Buffer;
  /** The new text of `tc`; '' = none. */
  readonly meta: string;
}

/** Compare-and-set: replaces the message of a scheduled task unless it has changed since it was read. */
export const updatePayload = defineScript({
  lua: lua.updatePayload,
  keys: ({ task }: UpdatePayloadCall) => ({ task: taskKey(task.queue, task.id) }),
  args: ({ before, after, meta }) => ({
    // Sent instead of the whole message that was read, which may be large.
    knownSha1: createHash('sha1').update(before).digest('hex'),
    message: after,
    meta,
  }),
  /** Null = the message has changed since it was read. */
  reply: (raw): ControlOutcome | Refusal | null => (textOf(raw) === 'changed' ? null : controlOutcome(raw)),
});

/** `again`: one call was not enough, call again. */
export type DropReply = 'removed' | 'holds-tasks' | 'again';

/**
 * Removes what a queue without tasks leaves behind: settings, counters, names of empty groups. The caller removes the queue's
 * name from Asynq's set of queues, because that may be on another node.
 */
export const dropQueue = defineScript({
  lua: lua.dropQueue,
  keys: (queue: string) => ({ pending: pendingKey(queue) }),
  args: () => ({}),
  reply: (raw): DropReply => (raw === 1 ? 'removed' : raw === 2 ? 'again' : 'holds-tasks'),
});
