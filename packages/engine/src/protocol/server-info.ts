import { NEVER, readTimestamp, writeTimestamp, type Timestamp } from './go-time.ts';
import { asBuffer, BYTES, readFields, VARINT, WireReader, WireWriter } from './wire.ts';

/** Asynq's ServerInfo: what a server publishes about itself under its server key. */
export interface ServerInfo {
  readonly host: string;
  readonly pid: number;
  readonly serverId: string;
  readonly concurrency: number;
  /** Priority of each queue, as configured. */
  readonly queues: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  /** `new`, `active`, `stopped` or `closed`. */
  readonly status: string;
  readonly startTime: Timestamp;
  readonly activeWorkerCount: number;
}

/** Asynq's WorkerInfo: a task in progress, a value in a server's workers hash. */
export interface WorkerInfo {
  readonly host: string;
  readonly pid: number;
  readonly serverId: string;
  readonly taskId: string;
  readonly taskType: string;
  /** Empty and absent are the same on the wire: decoded as null. */
  readonly taskPayload: Uint8Array | null;
  readonly queue: string;
  readonly startTime: Timestamp;
  /** End of this attempt at the latest. */
  readonly deadline: Timestamp;
}

const infoWriter = new WireWriter();
const entryWriter = new WireWriter();
const MAX_INT32 = 2 ** 31 - 1;

/** Encoded priorities by their object: a server announces the same ones every few seconds, and may have thousands. */
const encodedPriorities = new WeakMap<ServerInfo['queues'], Buffer>();

/** The largest priority on the wire is an int32. */
function writePriority([queue, priority]: readonly [queue: string, priority: number]): void {
  entryWriter.text(1, queue);
  entryWriter.int(2, Math.min(priority, MAX_INT32));
}

/** Writes the field `queues`. */
function writePriorities(queues: ServerInfo['queues']): void {
  for (const entry of Object.entries(queues)) infoWriter.bytes(5, entryWriter.encode(writePriority, entry));
}

function prioritiesOf({ queues }: ServerInfo): Buffer {
  let encoded = encodedPriorities.get(queues);
  if (!encoded) encodedPriorities.set(queues, (encoded = infoWriter.encode(writePriorities, queues)));
  return encoded;
}

function writeBeforeQueues(info: ServerInfo): void {
  if (info.host !== '') infoWriter.text(1, info.host);
  if (info.pid !== 0) infoWriter.int(2, info.pid);
  if (info.serverId !== '') infoWriter.text(3, info.serverId);
  if (info.concurrency !== 0) infoWriter.int(4, info.concurrency);
}

function writeAfterQueues(info: ServerInfo): void {
  if (info.strictPriority) infoWriter.int(6, 1);
  if (info.status !== '') infoWriter.text(7, info.status);
  writeTimestamp(infoWriter, 8, info.startTime);
  if (info.activeWorkerCount !== 0) infoWriter.int(9, info.activeWorkerCount);
}

/** @throws TaskCenterError `invalid-value` for a lone surrogate in a text */
export const encodeServerInfo = (info: ServerInfo): Buffer =>
  Buffer.concat([
    infoWriter.encode(writeBeforeQueues, info),
    prioritiesOf(info),
    infoWriter.encode(writeAfterQueues, info),
  ]);

function readPriority(reader: WireReader): [queue: string, priority: number] {
  const entry = reader.nested();
  let queue = '';
  let priority = 0;
  readFields(entry, {
    1: [BYTES, () => (queue = entry.text())],
    2: [VARINT, () => (priority = entry.int32())],
  });
  return [queue, priority];
}

/** @throws ProtocolError */
export function decodeServerInfo(bytes: Uint8Array): ServerInfo {
  const reader = new WireReader(asBuffer(bytes));
  const queues = new Map<string, number>();
  const info = {
    host: '',
    pid: 0,
    serverId: '',
    concurrency: 0,
    strictPriority: false,
    status: '',
    startTime: NEVER,
    activeWorkerCount: 0,
  };
  readFields(reader, {
    1: [BYTES, () => (info.host = reader.text())],
    2: [VARINT, () => (info.pid = reader.int32())],
    3: [BYTES, () => (info.serverId = reader.text())],
    4: [VARINT, () => (info.concurrency = reader.int32())],
    5: [BYTES, () => queues.set(...readPriority(reader))],
    6: [VARINT, () => (info.strictPriority = reader.bool())],
    7: [BYTES, () => (info.status = reader.text())],
    8: [BYTES, () => (info.startTime = readTimestamp(reader))],
    9: [VARINT, () => (info.activeWorkerCount = reader.int32())],
  });
  return { ...info, queues: Object.fromEntries(queues) };
}

function writeWorkerInfo(info: WorkerInfo): void {
  if (info.host !== '') infoWriter.text(1, info.host);
  if (info.pid !== 0) infoWriter.int(2, info.pid);
  if (info.serverId !== '') infoWriter.text(3, info.serverId);
  if (info.taskId !== '') infoWriter.text(4, info.taskId);
  if (info.taskType !== '') infoWriter.text(5, info.taskType);
  if (info.taskPayload && info.taskPayload.length > 0) infoWriter.bytes(6, info.taskPayload);
  if (info.queue !== '') infoWriter.text(7, info.queue);
  writeTimestamp(infoWriter, 8, info.startTime);
  writeTimestamp(infoWriter, 9, info.deadline);
}

/** @throws TaskCenterError `invalid-value` for a lone surrogate in a text */
export const encodeWorkerInfo = (info: WorkerInfo): Buffer => infoWriter.encode(writeWorkerInfo, info);

/** @throws ProtocolError */
export function decodeWorkerInfo(bytes: Uint8Array): WorkerInfo {
  const reader = new WireReader(asBuffer(bytes));
  const info: { -readonly [K in keyof WorkerInfo]: WorkerInfo[K] } = {
    host: '',
    pid: 0,
    serverId: '',
    taskId: '',
    taskType: '',
    taskPayload: null,
    queue: '',
    startTime: NEVER,
    deadline: NEVER,
  };
  readFields(reader, {
    1: [BYTES, () => (info.host = reader.text())],
    2: [VARINT, () => (info.pid = reader.int32())],
    3: [BYTES, () => (info.serverId = reader.text())],
    4: [BYTES, () => (info.taskId = reader.text())],
    5: [BYTES, () => (info.taskType = reader.text())],
    6: [BYTES, () => (info.taskPayload = reader.bytes())],
    7: [BYTES, () => (info.queue = reader.text())],
    8: [BYTES, () => (info.startTime = readTimestamp(reader))],
    9: [BYTES, () => (info.deadline = readTimestamp(reader))],
  });
  if (info.taskPayload?.length === 0) info.taskPayload = null;
  return info;
}
