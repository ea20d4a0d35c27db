// The task of a schedule: from a submission to what is stored, and from that to the tasks of a fire.
import {
  DEFAULT_TIMEOUT_MS,
  storedTaskId,
  type OpenRun,
  type ScheduledTask,
  type ScheduleSpec,
} from '@task-center/model';
import type { NewTask } from '../broker/submit.ts';
import type { FireSpans } from '../tracing/fire-spans.ts';
import type { TaskMeta } from '../task/meta.ts';

/** Headers that tell handlers of any language which fire they run: the schedule's ID, and the logical time in ISO 8601. */
const SCHEDULE_HEADER = 'tc-schedule-id';
const FIRE_HEADER = 'tc-fire-at';
/** Which of several tasks of a fire it is, from 0, and their number: `0/8`. */
const SHARD_HEADER = 'tc-shard';

/** A payload as JSON keeps it byte for byte. */
function storedPayload(payload: Uint8Array | null): ScheduledTask['payload'] {
  if (payload === null) return null;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? { text } : { base64: bytes.toString('base64') };
}

/** The bytes of a stored payload; null = none. */
export function scheduledPayload({ payload }: Pick<ScheduledTask, 'payload'>): Uint8Array | null {
  if (payload === null) return null;
  return 'text' in payload ? Buffer.from(payload.text, 'utf8') : Buffer.from(payload.base64, 'base64');
}

/** What a schedule stores of a task that its submission has made. Each fire gives it an ID and a start of its own. */
export const scheduledTask = ({ queue, type, payload, headers, meta, ...task }: NewTask): ScheduledTask => ({
  queue,
  type,
  payload: storedPayload(payload),
  headers,
  maxRetries: task.maxRetries,
  timeoutMs: task.timeoutMs,
  retentionMs: task.retentionMs,
  uniqueMs: task.uniqueMs,
  group: task.group,
  meta: { ...meta },
});

/** A fire whose tasks are made. */
export interface FireToMake {
  readonly spec: ScheduleSpec;
  /** The stored name of the schedule. */
  readonly name: string;
  readonly fireMs: number;
  /** How many: the shards of the schedule. */
  readonly tasks: number;
  readonly delayMs: number;
  readonly payload: Uint8Array | null;
  /** Those of the schedule: one begins here. */
  readonly spans: FireSpans;
}

/** The tasks of a fire, with new IDs: no other task can hold one. */
export function tasksOfFire(
  { spec, name, fireMs, tasks, delayMs, payload, spans }: FireToMake,
  { newId, nowMs }: { readonly newId: () => string; readonly nowMs: number },
): NewTask[] {
  const { task } = spec;
  const meta: TaskMeta = {
    ...(task.meta as TaskMeta),
    createdMs: nowMs,
    origin: 'schedule',
    schedule: name,
    fireMs,
    ...(spec.businessId !== null && { business: spec.businessId }),
  };
  const headers = {
    ...spans.begin(task.headers),
    [SCHEDULE_HEADER]: spec.id,
    [FIRE_HEADER]: new Date(fireMs).toISOString(),
  };
  return Array.from({ length: tasks }, (_, shard) => ({
    queue: task.queue,
    id: storedTaskId(newId(), spec.businessId),
    type: task.type,
    payload,
    headers: tasks === 1 ? headers : { ...headers, [SHARD_HEADER]: `${shard}/${tasks}` },
    maxRetries: task.maxRetries,
    timeoutMs: task.timeoutMs,
    deadlineMs: 0,
    retentionMs: task.retentionMs,
    delayMs,
    runAtMs: 0,
    uniqueMs: task.uniqueMs,
    group: task.group,
    meta: tasks === 1 ? meta : { ...meta, shard: [shard, tasks] as const },
  }));
}

/** The tasks of a fire as runs whose end is looked for. One that had no time limit is expected to take as long as the default. */
export function openRuns(
  tasks: readonly NewTask[],
  { fireMs, nowMs, isManual }: { readonly fireMs: number; readonly nowMs: number; readonly isManual?: true },
): OpenRun[] {
  return tasks.map(({ id, delayMs, timeoutMs }) => ({
    id,
    fireMs,
    deadlineMs: nowMs + delayMs + (timeoutMs || DEFAULT_TIMEOUT_MS),
    ...(isManual && { isManual }),
  }));
}
