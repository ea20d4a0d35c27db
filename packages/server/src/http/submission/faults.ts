/**
 * Checks between the fields of a submitted task; each field alone is valid by its schema.
 *
 * To add a check, push an entry to `found` with the field that the caller should change.
 */
import {
  itemAt,
  priorityQueues,
  PRIORITIES,
  type CheckedTask,
  type Priority,
  type ProblemItem,
  type ItemPath,
} from '@task-center/api';

/** Longest timeout of a callback: a receiver that needs longer should answer early and report later. */
const MAX_CALLBACK_MS = 15 * 60_000;

type Found = readonly [field: string, code: string, message: string];

/** The logical queue that a task names, directly or by its priority; else `default`. */
export function queueOf({ queue, priority }: Pick<CheckedTask, 'queue' | 'priority'>): string {
  if (queue !== undefined) return queue;
  return priority === undefined ? 'default' : queueOfPriority(priority);
}

function queueOfPriority(priority: Priority | number): string {
  const name = typeof priority === 'number' ? PRIORITIES[priority] : priority;
  return priorityQueues[name ?? 'normal'];
}

const PAYLOADS = ['payload', 'payload_text', 'payload_base64'] as const;

/** Fields that contradict each other. */
function contradictions(task: CheckedTask): Found[] {
  const found: Found[] = [];
  const { queue, priority, delay, run_at, traceparent, trace_id } = task;
  const forms = PAYLOADS.filter((name) => task[name] !== undefined && task[name] !== null);
  for (const name of forms.slice(1))
    found.push([name, 'contradiction', `cannot be combined with ${forms[0]}: give one of them`]);
  if (queue !== undefined && priority !== undefined && queue !== queueOfPriority(priority))
    found.push(['priority', 'contradiction', `means the queue ${queueOfPriority(priority)}, not ${queue}`]);
  if (delay !== undefined && run_at !== undefined)
    found.push(['run_at', 'contradiction', 'cannot be combined with delay: give one of them']);
  if (traceparent !== undefined && trace_id !== undefined && traceparent.slice(3, 35) !== trace_id)
    found.push(['trace_id', 'contradiction', 'differs from the one in traceparent']);
  return found;
}

/** A deadline before which no attempt can begin: the task would be archived without one. */
function deadlineFaults({ deadline, delay = 0, run_at = 0 }: CheckedTask, nowMs: number): Found[] {
  if (deadline === undefined) return [];
  if (deadline <= nowMs) return [['deadline', 'out_of_range', 'lies in the past: no attempt could begin']];
  if (deadline >= Math.max(nowMs + delay, run_at)) return [];
  const start = run_at > 0 ? 'run_at' : 'the end of the delay';
  return [['deadline', 'contradiction', `lies before ${start}: no attempt could begin`]];
}

/** What a task is checked against, and where it is in the body. */
interface TaskChecks {
  /** Wall-clock ms. */
  readonly nowMs: number;
  readonly basePath: ItemPath;
}

/** Everything that is wrong between the fields of a task. */
export function taskFaults(task: CheckedTask, { nowMs, basePath }: TaskChecks): ProblemItem[] {
  const found = [...contradictions(task), ...deadlineFaults(task, nowMs)];
  if (task.type === undefined && task.callback === undefined)
    found.push(['type', 'required', 'is required unless the task has a callback']);
  if (task.callback !== undefined && (task.timeout ?? 0) > MAX_CALLBACK_MS)
    found.push(['timeout', 'out_of_range', 'of a callback must be 1s to 15m']);
  return found.map(([field, code, message]) =>
    itemAt({ location: 'pointer', basePath }, [field], { code, message, got: null }),
  );
}
