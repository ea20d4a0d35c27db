import { NEVER, readTimestamp, writeTimestamp, type Timestamp } from './go-time.ts';
import { asBuffer, BYTES, readFields, WireReader, WireWriter } from './wire.ts';

/** Asynq's SchedulerEntry: what a scheduler publishes about one of its entries, an element of its list. */
export interface StoredSchedulerEntry {
  readonly id: string;
  readonly spec: string;
  readonly taskType: string;
  /** Empty and absent are the same on the wire: decoded as null. */
  readonly taskPayload: Uint8Array | null;
  /** Options as Go prints them, such as `MaxRetry(3)`; see `parseOption`. */
  readonly enqueueOptions: readonly string[];
  /** Null = absent, which Go shows as 1970. `NEVER` = it will never fire. */
  readonly nextEnqueueTime: Timestamp | null;
  /** Null = absent. `NEVER` = it has not fired yet. */
  readonly prevEnqueueTime: Timestamp | null;
}

/** Asynq's SchedulerEnqueueEvent: a scheduler has enqueued a task. A member of the entry's history. */
export interface SchedulerEnqueueEvent {
  readonly taskId: string;
  readonly enqueueTime: Timestamp;
}

const schedulerWriter = new WireWriter();

function writeEntry(entry: StoredSchedulerEntry): void {
  if (entry.id !== '') schedulerWriter.text(1, entry.id);
  if (entry.spec !== '') schedulerWriter.text(2, entry.spec);
  if (entry.taskType !== '') schedulerWriter.text(3, entry.taskType);
  if (entry.taskPayload && entry.taskPayload.length > 0) schedulerWriter.bytes(4, entry.taskPayload);
  for (const option of entry.enqueueOptions) schedulerWriter.text(5, option);
  if (entry.nextEnqueueTime) writeTimestamp(schedulerWriter, 6, entry.nextEnqueueTime);
  if (entry.prevEnqueueTime) writeTimestamp(schedulerWriter, 7, entry.prevEnqueueTime);
}

/** @throws TaskCenterError `invalid-value` for a lone surrogate in a text */
export const encodeSchedulerEntry = (entry: StoredSchedulerEntry): Buffer =>
  schedulerWriter.encode(writeEntry, entry);

/** @throws ProtocolError */
export function decodeSchedulerEntry(bytes: Uint8Array): StoredSchedulerEntry {
  const reader = new WireReader(asBuffer(bytes));
  const enqueueOptions: string[] = [];
  const entry: { -readonly [K in keyof StoredSchedulerEntry]: StoredSchedulerEntry[K] } = {
    id: '',
    spec: '',
    taskType: '',
    taskPayload: null,
    enqueueOptions,
    nextEnqueueTime: null,
    prevEnqueueTime: null,
  };
  readFields(reader, {
    1: [BYTES, () => (entry.id = reader.text())],
    2: [BYTES, () => (entry.spec = reader.text())],
    3: [BYTES, () => (entry.taskType = reader.text())],
    4: [BYTES, () => (entry.taskPayload = reader.bytes())],
    5: [BYTES, () => enqueueOptions.push(reader.text())],
    6: [BYTES, () => (entry.nextEnqueueTime = readTimestamp(reader))],
    7: [BYTES, () => (entry.prevEnqueueTime = readTimestamp(reader))],
  });
  if (entry.taskPayload?.length === 0) entry.taskPayload = null;
  return entry;
}

function writeEnqueueEvent({ taskId, enqueueTime }: SchedulerEnqueueEvent): void {
  if (taskId !== '') schedulerWriter.text(1, taskId);
  writeTimestamp(schedulerWriter, 2, enqueueTime);
}

/** @throws TaskCenterError `invalid-value` for a lone surrogate in a text */
export const encodeSchedulerEnqueueEvent = (event: SchedulerEnqueueEvent): Buffer =>
  schedulerWriter.encode(writeEnqueueEvent, event);

/** @throws ProtocolError */
export function decodeSchedulerEnqueueEvent(bytes: Uint8Array): SchedulerEnqueueEvent {
  const reader = new WireReader(asBuffer(bytes));
  let taskId = '';
  let enqueueTime = NEVER;
  readFields(reader, {
    1: [BYTES, () => (taskId = reader.text())],
    2: [BYTES, () => (enqueueTime = readTimestamp(reader))],
  });
  return { taskId, enqueueTime };
}
