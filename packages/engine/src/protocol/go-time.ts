import { readFields, VARINT, WireWriter, type WireReader } from './wire.ts';

/** One second in ms. Asynq's messages and scores count whole seconds. */
export const SECOND_MS = 1_000;

/** A time as protobuf encodes it: 0 ≤ nanos < 10^9. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** Go's zero time, the year 1, with which Go writes "never". */
export const NEVER: Timestamp = { seconds: -62_135_596_800, nanos: 0 };

/** Whole seconds, rounded up: a Go program that reads only seconds is then never early. */
export function secondsUp(ms: number): number {
  return Math.ceil(ms / SECOND_MS);
}

/** Whole seconds, rounded toward zero as Go does. */
export function secondsDown(ms: number): number {
  return Math.trunc(ms / SECOND_MS);
}

/** A wall-clock time in ms as a timestamp; null = never. */
export function timestampOf(ms: number | null): Timestamp {
  if (ms === null) return NEVER;
  const seconds = Math.floor(ms / SECOND_MS);
  return { seconds, nanos: Math.round((ms - seconds * SECOND_MS) * 1e6) };
}

/** Wall-clock ms. Null for the year 1 ("never") and for 1970, as which Go reads an absent time. */
export function msOf({ seconds, nanos }: Timestamp): number | null {
  if (seconds === NEVER.seconds || (seconds === 0 && nanos === 0)) return null;
  return seconds * SECOND_MS + Math.floor(nanos / 1e6);
}

/** The UTC date in the keys of daily counters, such as `2026-05-14`. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const timestampWriter = new WireWriter();

function writeParts({ seconds, nanos }: Timestamp): void {
  if (seconds !== 0) timestampWriter.int(1, seconds);
  if (nanos !== 0) timestampWriter.int(2, nanos);
}

/** Writes a timestamp as a nested message. Zero parts are left out, the field itself never, as in Go. */
export function writeTimestamp(writer: WireWriter, field: number, time: Timestamp): void {
  writer.bytes(field, timestampWriter.encode(writeParts, time));
}

/** @throws ProtocolError */
export function readTimestamp(reader: WireReader): Timestamp {
  const fields = reader.nested();
  let seconds = 0;
  let nanos = 0;
  readFields(fields, {
    1: [VARINT, () => (seconds = fields.int64())],
    2: [VARINT, () => (nanos = fields.int32())],
  });
  return { seconds, nanos };
}
