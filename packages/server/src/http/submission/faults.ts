import {
  itemAt,
  priorityQueues,
  PRIORITIES,
  spanMs,
  type CheckedTask,
  type Priority,
  type ProblemItem,
} from '@task-center/api';

const MAX_CALLBACK_MS = 15 * 60_000;

type Under = readonly (string | number)[];
type Found = readonly [field: string, code: string, message: string];

/** The queue that a task asks for by name or by priority. */
export function queueOf({ queue, priority }: Pick<CheckedTask, 'queue' | 'priority'>): string {
  if (queue !== undefined) return queue;
  return priority === undefined ? 'default' : queueOfPriority(priority);
}

function queueOfPriority(priority: Priority | number): string {
  const name = typeof priority === 'number' ? PRIORITIES[priority] : priority;
  return priorityQueues[name ?? 'normal'];
}

const PAYLOADS = ['payload', 'payload_text', 'payload_base64'] as const;

function contradictions(task: CheckedTask): Found[] {
  const found: Found[] = [];
  const { queue, priority, delay, run_at, traceparent, trace_id } = task;
  const forms = PAYLOADS.filter((name) => task[name] !== undefined && task[name] !== null);
  for (const name of forms.slice(1))
    found.push([name, 'contradiction', `stands beside ${forms[0]}: give one of them`]);
  if (queue !== undefined && priority !== undefined && queue !== queueOfPriority(priority))
    found.push([
      'priority',
      'contradiction',
      `stands for the queue ${queueOfPriority(priority)}, not ${queue}`,
    ]);
  if (delay !== undefined && run_at !== undefined)
    found.push(['run_at', 'contradiction', 'stands beside delay: give one of them']);
  if (traceparent !== undefined && trace_id !== undefined && traceparent.slice(3, 35) !== trace_id)
    found.push(['trace_id', 'contradiction', 'differs from the one in traceparent']);
  return found;
}

/** What fields say together that they cannot say; each of them alone is valid. */
export function taskFaults(task: CheckedTask, under: Under): ProblemItem[] {
  const found = contradictions(task);
  if (task.type === undefined && task.callback === undefined)
    found.push(['type', 'required', 'is required unless the task has a callback']);
  if (task.callback !== undefined && (spanMs(task.timeout ?? '0s') ?? 0) > MAX_CALLBACK_MS)
    found.push(['timeout', 'out_of_range', 'of a callback must be 1s to 15m']);
  return found.map(([field, code, message]) =>
    itemAt({ place: 'pointer', under }, [field], { code, message, got: null }),
  );
}
