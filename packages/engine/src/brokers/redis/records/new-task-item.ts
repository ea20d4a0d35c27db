import { wholeTimeoutMs } from '@task-center/model';
import type { EnqueueOutcome, NewTask } from '../../../broker/submit.ts';
import { SECOND_MS, secondsUp } from '../../../protocol/go-time.ts';
import { groupKey, taskKey, uniqueKey } from '../../../protocol/keys.ts';
import { encodeMessage } from '../../../protocol/message.ts';
import type { Enqueued, EnqueueItem } from '../scripts/submit/enqueue.ts';
import { CODE } from '../scripts/lua.generated.ts';
import { wrongTypeText } from '../calls/refusals.ts';
import { metaText } from './stored-message.ts';

/** An encoded task: its index in the caller's list, and what is sent. */
export interface EncodedTask {
  readonly index: number;
  readonly task: NewTask;
  readonly item: EnqueueItem;
}

/** The key of the task's unique lock; '' = none. */
function uniqueLockOf({ queue, type, payload, uniqueMs, meta }: NewTask): string {
  return uniqueMs <= 0 ? '' : uniqueKey({ queue, type, payload, business: meta.business ?? null });
}

/**
 * A task in the form that scripts take.
 *
 * @throws TaskCenterError `invalid-value` for a text that is not valid Unicode, which Go could not read
 */
export function itemOf(task: NewTask): EnqueueItem {
  const { id, meta, payload } = task;
  const lock = uniqueLockOf(task);
  const group = task.group ?? '';
  const message = encodeMessage({
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
  return {
    id,
    message,
    meta: metaText(meta, payload),
    // Rounded up: a task never starts early, not even by a fraction of a millisecond.
    delayMs: Math.ceil(task.delayMs),
    runAtMs: Math.ceil(task.runAtMs),
    lock,
    // The lock lasts this long from the task's start on.
    lockSeconds: lock === '' ? 0 : Math.max(1, task.uniqueMs / SECOND_MS),
    group,
  };
}

/** The outcome for a script's code, except `CODE.duplicate`, which needs the holder of the lock. */
export function enqueueOutcomeOf(
  { task, item }: Pick<EncodedTask, 'task' | 'item'>,
  code: string | undefined,
  nowMs: number,
): EnqueueOutcome {
  if (code === CODE.refused) return { code: 'task-exists' };
  if (code !== CODE.done) {
    // The code does not say which key has the wrong type: the task's, or the group's if it has a group.
    const corrupt = [
      taskKey(task.queue, item.id),
      ...(task.group === null ? [] : [groupKey(task.queue, task.group)]),
    ];
    return { code: 'broker-corrupt', cause: wrongTypeText(corrupt.join(' or ')) };
  }
  const dueMs = Math.max(nowMs + item.delayMs, item.runAtMs);
  if (dueMs > nowMs) return { code: 'created', state: 'scheduled', dueMs };
  return { code: 'created', state: task.group === null ? 'pending' : 'aggregating', dueMs: nowMs };
}

/** One outcome per task; the reply has a holder for each `CODE.duplicate`, in order. */
export function enqueueOutcomesOf(
  tasks: readonly EncodedTask[],
  { codes, holders, nowMs }: Enqueued,
): EnqueueOutcome[] {
  let nextHolder = 0;
  return tasks.map((prepared, i) => {
    if (codes[i] !== CODE.duplicate) return enqueueOutcomeOf(prepared, codes[i], nowMs);
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
