import { asBuffer, BYTES, VARINT, WireReader, WireWriter } from './wire.ts';

/** Asynq's TaskMessage, which a task's hash has in its field `msg`. Times and durations in whole seconds. */
export interface TaskMessage {
  readonly type: string;
  /** Empty and absent are the same on the wire: decoded as null. */
  readonly payload: Uint8Array | null;
  readonly id: string;
  readonly queue: string;
  /** Maximum number of retries. */
  readonly retry: number;
  /** Retries counted so far. */
  readonly retried: number;
  /** Text of the last error; '' = none. */
  readonly errorMsg: string;
  /** Time limit of each attempt, s; 0 = none. */
  readonly timeout: number;
  /** Time limit of all attempts, Unix s; 0 = none. */
  readonly deadline: number;
  /** Full key of the unique lock; '' = none. */
  readonly uniqueKey: string;
  /** Unix s; 0 = never failed. */
  readonly lastFailedAt: number;
  /** How long the task is kept after success, s. */
  readonly retention: number;
  /** Unix s; 0 = not completed. */
  readonly completedAt: number;
  /** '' = none. */
  readonly groupKey: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message to encode. Fields that are left out have their defaults: 0, '', none. */
export type NewTaskMessage = Pick<TaskMessage, 'type' | 'id' | 'queue'> & Partial<TaskMessage>;

export interface DecodedMessage {
  readonly message: TaskMessage;
  /** How many fields were repeated. Scripts append fields; encoding the message anew would drop the repeated ones. */
  readonly repeats: number;
}

/** Numbers of the fields. */
export const FIELD = {
  type: 1,
  payload: 2,
  id: 3,
  queue: 4,
  retry: 5,
  retried: 6,
  errorMsg: 7,
  timeout: 8,
  deadline: 9,
  uniqueKey: 10,
  lastFailedAt: 11,
  retention: 12,
  completedAt: 13,
  groupKey: 14,
  headers: 15,
} as const satisfies Record<keyof TaskMessage, number>;

const messageWriter = new WireWriter();

function writeTextField(field: number, value: string | undefined): void {
  if (value !== undefined && value !== '') messageWriter.text(field, value);
}

function writeInt(field: number, value: number | undefined): void {
  if (value !== undefined && value !== 0) messageWriter.int(field, value);
}

function writeMessage(message: NewTaskMessage): void {
  writeTextField(FIELD.type, message.type);
  if (message.payload && message.payload.length > 0) messageWriter.bytes(FIELD.payload, message.payload);
  writeTextField(FIELD.id, message.id);
  writeTextField(FIELD.queue, message.queue);
  writeInt(FIELD.retry, message.retry);
  writeInt(FIELD.retried, message.retried);
  writeTextField(FIELD.errorMsg, message.errorMsg?.toWellFormed());
  writeInt(FIELD.timeout, message.timeout);
  writeInt(FIELD.deadline, message.deadline);
  writeTextField(FIELD.uniqueKey, message.uniqueKey);
  writeInt(FIELD.lastFailedAt, message.lastFailedAt);
  writeInt(FIELD.retention, message.retention);
  writeInt(FIELD.completedAt, message.completedAt);
  writeTextField(FIELD.groupKey, message.groupKey);
  const { headers } = message;
  if (headers)
    for (const name of Object.keys(headers)) messageWriter.entry(FIELD.headers, name, headers[name] ?? '');
}

/**
 * Encodes a message to the bytes that Go's encoder writes: ascending field numbers, no defaults.
 *
 * @throws TaskCenterError `invalid-value` for a lone surrogate in a text; in the error text it is replaced instead
 */
export const encodeMessage = (message: NewTaskMessage): Buffer => messageWriter.encode(writeMessage, message);

const writePayload = (payload: Uint8Array): void => messageWriter.bytes(FIELD.payload, payload);

/**
 * Replaces the payload of an encoded message. All other fields stay byte for byte, also unknown ones.
 *
 * @throws ProtocolError
 */
export function withPayload(bytes: Uint8Array, payload: Uint8Array | null): Buffer {
  const reader = new WireReader(asBuffer(bytes));
  const kept: Uint8Array[] = [];
  let from = 0;
  while (reader.next()) {
    const isPayload = reader.field === FIELD.payload && reader.wire === BYTES;
    reader.skip();
    if (!isPayload) kept.push(bytes.subarray(from, reader.offset));
    from = reader.offset;
  }
  if (payload && payload.length > 0) kept.push(messageWriter.encode(writePayload, payload));
  return Buffer.concat(kept);
}

type Draft = { -readonly [K in keyof TaskMessage]: TaskMessage[K] } & { headers: Record<string, string> };
type Read = (draft: Draft, reader: WireReader) => void;

/** Reads one header; returns whether its name is a repeated one. */
function readHeader(headers: Record<string, string>, reader: WireReader): boolean {
  let name = '';
  let value = '';
  const entry = reader.nested();
  while (entry.next()) {
    if (entry.wire === BYTES && entry.field === 1) name = entry.text();
    else if (entry.wire === BYTES && entry.field === 2) value = entry.text();
    else entry.skip();
  }
  const isRepeat = Object.hasOwn(headers, name);
  // A plain assignment to `__proto__` would not make a property.
  Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  return isRepeat;
}

const readers: Readonly<Record<Exclude<keyof TaskMessage, 'headers'>, readonly [wire: number, read: Read]>> =
  {
    type: [BYTES, (draft, reader) => (draft.type = reader.text())],
    payload: [BYTES, (draft, reader) => (draft.payload = reader.bytes())],
    id: [BYTES, (draft, reader) => (draft.id = reader.text())],
    queue: [BYTES, (draft, reader) => (draft.queue = reader.text())],
    retry: [VARINT, (draft, reader) => (draft.retry = reader.int32())],
    retried: [VARINT, (draft, reader) => (draft.retried = reader.int32())],
    errorMsg: [BYTES, (draft, reader) => (draft.errorMsg = reader.text())],
    timeout: [VARINT, (draft, reader) => (draft.timeout = reader.int64())],
    deadline: [VARINT, (draft, reader) => (draft.deadline = reader.int64())],
    uniqueKey: [BYTES, (draft, reader) => (draft.uniqueKey = reader.text())],
    lastFailedAt: [VARINT, (draft, reader) => (draft.lastFailedAt = reader.int64())],
    retention: [VARINT, (draft, reader) => (draft.retention = reader.int64())],
    completedAt: [VARINT, (draft, reader) => (draft.completedAt = reader.int64())],
    groupKey: [BYTES, (draft, reader) => (draft.groupKey = reader.text())],
  };

/** Readers by field number. A known field with a wrong wire type counts as an unknown one, as in Go. */
const byNumber: (readonly [wire: number, read: Read] | undefined)[] = [];
for (const [name, entry] of Object.entries(readers)) byNumber[FIELD[name as keyof typeof readers]] = entry;

/** A message in which every field has its default. */
export const blankMessage = (): Draft => ({
  type: '',
  payload: null,
  id: '',
  queue: '',
  retry: 0,
  retried: 0,
  errorMsg: '',
  timeout: 0,
  deadline: 0,
  uniqueKey: '',
  lastFailedAt: 0,
  retention: 0,
  completedAt: 0,
  groupKey: '',
  headers: {},
});

/**
 * Decodes a message: fields in any order, the last one wins, unknown ones are skipped. The payload is a view of `bytes`, not a
 * copy.
 *
 * @throws ProtocolError
 */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  const reader = new WireReader(asBuffer(bytes));
  const draft = blankMessage();
  let seen = 0;
  let repeats = 0;
  while (reader.next()) {
    const { field, wire } = reader;
    const isRepeat = byNumber[field];
    if (isRepeat && isRepeat[0] === wire) {
      if (seen & (1 << field)) repeats += 1;
      seen |= 1 << field;
      isRepeat[1](draft, reader);
    } else if (field === FIELD.headers && wire === BYTES) {
      if (readHeader(draft.headers, reader)) repeats += 1;
    } else reader.skip();
  }
  if (draft.payload?.length === 0) draft.payload = null;
  return { message: draft, repeats };
}
