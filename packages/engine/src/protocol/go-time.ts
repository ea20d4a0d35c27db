import { readFields, VARINT, WireWriter, type WireReader } from './wire.ts';

/** A moment as protobuf has it: 0 ≤ nanos < 10^9. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** Go's zero time, the year 1: how Go writes "never" (protocol 2.1). */
export const NEVER: Timestamp = { seconds: -62_135_596_800, nanos: 0 };

/** Whole seconds, rounded up: a Go program is never early (design D5). */
export function secondsUp(ms: number): number {
  return Math.ceil(ms / 1_000);
}

/** Whole seconds toward zero, as Go truncates (protocol 0). */
export function secondsDown(ms: number): number {
  return Math.trunc(ms / 1_000);
}

/** Null = never. */
export function timestampOf(ms: number | null): Timestamp {
  if (ms === null) return NEVER;
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1e6) };
}

/** Wall-clock ms; null for the year 1 and for 1970, which is how Go reads an absent time (protocol 2.1). */
export function msOf({ seconds, nanos }: Timestamp): number | null {
  if (seconds === NEVER.seconds || (seconds === 0 && nanos === 0)) return null;
  return seconds * 1_000 + Math.floor(nanos / 1e6);
}

/** The UTC date of daily counters: `2026-05-14` (protocol 1.6). */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const inner = new WireWriter();

/** Writes a timestamp as a field, the zero time too (protocol 2.1). */
export function writeTimestamp(writer: WireWriter, field: number, { seconds, nanos }: Timestamp): void {
  if (seconds !== 0) inner.int(1, seconds);
  if (nanos !== 0) inner.int(2, nanos);
  writer.bytes(field, inner.take());
}

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
