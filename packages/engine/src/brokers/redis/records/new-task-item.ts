import { wholeTimeoutMs } from '@task-center/model';
import type { EnqueueOutcome, NewTask } from '../../../broker/submit.ts';
import { SECOND_MS, secondsUp } from '../../../protocol/go-time.ts';
import { groupKey, taskKey, uniqueKey } from '../../../protocol/keys.ts';
import { encodeMessage } from '../../../protocol/message.ts';
import type { Enqueued, EnqueueItem } from '../scripts/submit/enqueue.ts';
import { CODE } from '../scripts/lua.generated.ts';
import { wrongTypeText } from '../calls/refusals.ts';
import { metaText } from './stored-message.ts';

/** The key of the task's unique lock; '' = none. */
function uniqueLockOf({ queue, type, payload, uniqueMs, meta }: NewTask): string {
  return uniqueMs <= 0 ? '' : uniqueKey({ queue, type, payload, business: meta.business ?? null });
}

/**
 * A task in the form that scripts take.
 *
 * A class, not a literal, for the reason that `CompleteTask` gives.
 */
export class EncodedTask implements EnqueueItem {
  /** Its index in the caller's list. */
  readonly index: number;
  readonly task: NewTask;
  readonly id: string;
  readonly message: Buffer;
  readonly meta: string;
  readonly delayMs: number;
  readonly runAtMs: number;
  readonly lock: string;
  readonly lockSeconds: number;
  readonly group: string;

  /** @throws TaskCenterError `invalid-value` for a text that is not valid Unicode, which Go could not read */
  constructor(task: NewTask, index = 0) {
    const { id, meta, payload } = task;
    const lock = uniqueLockOf(task);
    const group = task.group ?? '';
    this.index = index;
    this.task = task;
    this.id = id;
    this.message = encodeMessage({
      type: task.type,
      payload,
      id,
      queue: task.queue,
      retry: task.maxRetries,
      timeout: wholeTimeoutMs(task.timeoutMs) / SECOND_MS,
      deadline: secondsUp(task.deadlineMs),
      retention: secondsUp(task.retentionMs),
      headers: task.headers,
      uniqueKey: lock,
      groupKey: group,
    });
    this.meta = metaText(meta, payload);
    // Rounded up: a task never starts early, not even by a fraction of a millisecond.
    this.delayMs = Math.ceil(task.delayMs);
    this.runAtMs = Math.ceil(task.runAtMs);
    this.lock = lock;
    // The lock lasts this long from the task's start on.
    this.lockSeconds = lock === '' ? 0 : Math.max(1, task.uniqueMs / SECOND_MS);
    this.group = group;
  }
}

/** The outcome of tasks that are pending now. Most tasks of a call have it: they share one object. */
type PendingOutcome = Extract<EnqueueOutcome, { code: 'created' }>;

export const pendingOutcome = (nowMs: number): PendingOutcome => ({
  code: 'created',
  state: 'pending',
  dueMs: nowMs,
});

/** The outcome for a script's code, except `CODE.duplicate`, which needs the holder of the lock. */
export function enqueueOutcomeOf(
  { task, delayMs, runAtMs }: EncodedTask,
  code: string | undefined,
  pending: PendingOutcome,
): EnqueueOutcome {
  if (code === CODE.refused) return { code: 'task-exists' };
  if (code !== CODE.done) {
    // The code does not say which key has the wrong type: the task's, or the group's if it has a group.
    const corrupt = [
      taskKey(task.queue, task.id),
      ...(task.group === null ? [] : [groupKey(task.queue, task.group)]),
    ];
    return { code: 'broker-corrupt', cause: wrongTypeText(corrupt.join(' or ')) };
  }
  const dueMs = Math.max(pending.dueMs + delayMs, runAtMs);
  if (dueMs > pending.dueMs) return { code: 'created', state: 'scheduled', dueMs };
  return task.group === null ? pending : { ...pending, state: 'aggregating' };
}

/** One outcome per task; the reply has a holder for each `CODE.duplicate`, in order. */
export function enqueueOutcomesOf(
  tasks: readonly EncodedTask[],
  { codes, holders, nowMs }: Enqueued,
): EnqueueOutcome[] {
  const pending = pendingOutcome(nowMs);
  let nextHolder = 0;
  return tasks.map((task, i) => {
    if (codes[i] !== CODE.duplicate) return enqueueOutcomeOf(task, codes[i], pending);
    nextHolder += 1;
    return { code: 'duplicate-task', holder: holders[nextHolder - 1] || null };
  });
}

/** The distinct businesses among the tasks. */
export function businessesOf(tasks: readonly EncodedTask[]): string[] {
  const names = new Set<string>();
  for (const { task } of tasks) if (task.meta.business !== undefined) names.add(task.meta.business);
  return [...names];
}
