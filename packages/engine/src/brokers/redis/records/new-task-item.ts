import type { EnqueueOutcome, NewTask } from '../../../broker/submit.ts';
import { groupKey, taskKey } from '../../../protocol/keys.ts';
import { encodeMessage } from '../../../protocol/message.ts';
import { uniqueKey } from '../../../protocol/unique-key.ts';
import { wholeTimeoutMs } from '../../../task/duration.ts';
import type { Enqueued, EnqueueItem } from '../scripts/submit/enqueue.ts';
import { wrongType } from '../calls/refusals.ts';
import { metaText } from './stored-meta.ts';

const S = 1_000;

/** A task on its way: its place in the caller's list, and what is sent. */
export interface PreparedTask {
  readonly place: number;
  readonly task: NewTask;
  readonly item: EnqueueItem;
}

/** The lock's key (protocol 1.5), '' = none. */
function lockOf({ queue, type, payload, uniqueMs, meta }: NewTask): string {
  return uniqueMs <= 0 ? '' : uniqueKey({ queue, type, payload, business: meta.business ?? null });
}

/** A task as scripts take it. @throws TaskCenterError `invalid-value` for a text that no Go program could read */
export function itemOf(task: NewTask): EnqueueItem {
  const { id, meta, payload } = task;
  const lock = lockOf(task);
  const group = task.group ?? '';
  const message = encodeMessage({
    type: task.type,
    payload,
    id,
    queue: task.queue,
    retry: task.maxRetries,
    timeout: wholeTimeoutMs(task.timeoutMs) / S,
    deadline: Math.ceil(task.deadlineMs / S),
    retention: Math.ceil(task.retentionMs / S),
    headers: task.headers,
    uniqueKey: lock,
    groupKey: group,
  });
  return {
    id,
    message,
    meta: metaText(meta, payload),
    // Never early, also by a part of a millisecond.
    delayMs: Math.ceil(task.delayMs),
    runAtMs: Math.ceil(task.runAtMs),
    lock,
    // From the task's start (protocol 2.5).
    lockSeconds: lock === '' ? 0 : Math.max(1, task.uniqueMs / S),
    group,
  };
}

/** What a script's code says of a task; `d`, a held lock, is told elsewhere. */
export function outcomeOf(
  { task, item }: Pick<PreparedTask, 'task' | 'item'>,
  code: string | undefined,
  nowMs: number,
): EnqueueOutcome {
  if (code === '0') return { code: 'task-exists' };
  if (code !== '1') {
    const corrupt = [
      taskKey(task.queue, item.id),
      ...(task.group === null ? [] : [groupKey(task.queue, task.group)]),
    ];
    return { code: 'broker-corrupt', cause: wrongType(corrupt.join(' or ')) };
  }
  const dueMs = Math.max(nowMs + item.delayMs, item.runAtMs);
  if (dueMs > nowMs) return { code: 'created', state: 'scheduled', dueMs };
  return { code: 'created', state: task.group === null ? 'pending' : 'aggregating', dueMs: nowMs };
}

export function outcomesOf(
  parcels: readonly PreparedTask[],
  { codes, holders, nowMs }: Enqueued,
): EnqueueOutcome[] {
  let holder = 0;
  return parcels.map((parcel, i) => {
    if (codes[i] !== 'd') return outcomeOf(parcel, codes[i], nowMs);
    holder += 1;
    return { code: 'duplicate-task', holder: holders[holder - 1] || null };
  });
}

export function businessesOf(chunk: readonly PreparedTask[]): string[] {
  const names = new Set<string>();
  for (const { task } of chunk) if (task.meta.business !== undefined) names.add(task.meta.business);
  return [...names];
}
