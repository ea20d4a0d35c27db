import { isUtf8 } from 'node:buffer';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';

/** Bytes that are no message of Asynq's. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}

/** Wire types of protobuf. */
export const VARINT = 0;
export const BYTES = 2;
const FIXED64 = 1;
const GROUP = 3;
const GROUP_END = 4;
const FIXED32 = 5;

const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const MAX_GROUP_DEPTH = 32;
const MAX_VARINT_BYTES = 10;
const MAX_INT64 = 2n ** 63n - 1n;
const REPLACED = '\ufffd';

/** A message's bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Reads protobuf fields one after another: `next`, then a reading method that fits `wire`, or `skip`. Every method
 * throws `ProtocolError` at the first byte that makes no sense, and allocates nothing but what it returns.
 */
export class WireReader {
  /** Number and wire type of the field that `next` found. */
  field = 0;
  wire = 0;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Where the next field begins, once the last one was read. */
  get at(): number {
    return this.#at;
  }

  /** Goes to the next field; false = there is none. */
  next(): boolean {
    if (this.#at === this.#end) return false;
    this.#varint();
    this.wire = this.#low & 7;
    this.field = (this.#low >>> 3) + this.#high * 2 ** 29;
    if (this.field === 0 || this.field > MAX_FIELD_NUMBER)
      throw new ProtocolError('a field number is invalid');
    return true;
  }

  int32(): number {
    this.#varint();
    return this.#low | 0;
  }

  /** Exact up to 2^53, beyond that the nearest double. */
  int64(): number {
    this.#varint();
    return (this.#high | 0) * 2 ** 32 + this.#low;
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const start = this.#length();
    return this.#bytes.subarray(start, this.#at);
  }

  text(): string {
    const start = this.#length();
    const text = this.#bytes.toString('utf8', start, this.#at);
    if (text.includes(REPLACED) && !isUtf8(this.#bytes.subarray(start, this.#at))) {
      throw new ProtocolError('a text is not valid UTF-8');
    }
    return text;
  }

  /** A reader of the message in this field. */
  nested(): WireReader {
    const start = this.#length();
    return new WireReader(this.#bytes, start, this.#at);
  }

  /** Passes over the field's value, whatever it is. */
  skip(depth = 0): void {
    if (this.wire === VARINT) this.#varint();
    else if (this.wire === BYTES) this.#length();
    else if (this.wire === FIXED64) this.#advance(8);
    else if (this.wire === FIXED32) this.#advance(4);
    else if (this.wire === GROUP && depth < MAX_GROUP_DEPTH) this.#skipGroup(depth);
    else throw new ProtocolError('a wire type is invalid');
  }

  #skipGroup(depth: number): void {
    const group = this.field;
    while (this.next()) {
      if (this.wire !== GROUP_END) this.skip(depth + 1);
      else if (this.field === group) return;
      else break;
    }
    throw new ProtocolError('a group does not end');
  }

  /** Reads a length and goes behind that many bytes; returns where they start. */
  #length(): number {
    this.#varint();
    if (this.#high !== 0) throw new ProtocolError('a length is beyond the end');
    const start = this.#at;
    this.#advance(this.#low);
    return start;
  }

  #advance(count: number): void {
    if (count > this.#end - this.#at) throw new ProtocolError('a length is beyond the end');
    this.#at += count;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
      if (this.#at === this.#end) throw new ProtocolError('it ends in the middle of a number');
      const byte = this.#bytes[this.#at] as number;
      this.#at += 1;
      const bits = byte & 127;
      if (i < 4) low |= bits << (7 * i);
      else if (i > 4) high |= bits << (7 * i - 32);
      else {
        low |= bits << 28;
        high = bits >>> 4;
      }
      if (byte > 127) continue;
      if (i === MAX_VARINT_BYTES - 1 && byte > 1) break;
      this.#low = low >>> 0;
      this.#high = high >>> 0;
      return;
    }
    throw new ProtocolError('a number has more than 64 bits');
  }
}

/** By field number: its wire type and what to do with it. */
export type FieldReads = Readonly<Record<number, readonly [wire: number, read: () => unknown]>>;

/** Reads all fields; unknown ones, and known ones of another wire type, are skipped as in Go. */
export function readFields(reader: WireReader, reads: FieldReads): void {
  while (reader.next()) {
    const known = reads[reader.field];
    if (known && known[0] === reader.wire) known[1]();
    else reader.skip();
  }
}

const FIRST_SIZE = 4_096;
/** A scratch buffer that has grown beyond this is not kept. */
const MAX_KEPT_BYTES = 1_048_576;

/** Writes protobuf fields; used again and again, as its buffer stays. */
export class WireWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #at = 0;

  /** What was written since the last `take`, as a copy. */
  take(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#at);
    this.#buffer.copy(bytes, 0, 0, this.#at);
    this.clear();
    return bytes;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#at = 0;
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  }

  /** An integer field, also when it is 0; beyond int64 the nearest that fits. */
  int(field: number, value: number): void {
    this.#room(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  /** A bytes field, also when it is empty. */
  bytes(field: number, value: Uint8Array): void {
    this.#room(value.length + 2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    this.#varint(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /**
   * A string field, also when it is empty.
   *
   * @throws TaskCenterError `invalid-value` for a lone surrogate, which no Go program could read (protocol 2.1)
   */
  text(field: number, value: string): void {
    this.#room(value.length * 3 + 2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    if (value.length < 64 && this.#ascii(value)) return;
    if (!value.isWellFormed()) {
      this.clear();
      throw new TaskCenterError('invalid-value', {
        name: 'a text of the task',
        got: shown(value.toWellFormed()),
        expected: 'valid Unicode',
      });
    }
    this.#varint(Buffer.byteLength(value));
    this.#at += this.#buffer.write(value, this.#at);
  }

  /** An entry of a map of strings: both parts are always there (protocol 2.1). */
  entry(field: number, key: string, value: string): void {
    const bytes = textSize(key) + textSize(value);
    this.#room(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    this.#varint(bytes);
    this.text(1, key);
    this.text(2, value);
  }

  /** Length and text, if it is ASCII; for short ones faster than a call into native code. */
  #ascii(value: string): boolean {
    const start = this.#at + 1;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      this.#buffer[start + i] = code;
    }
    this.#buffer[this.#at] = value.length;
    this.#at = start + value.length;
    return true;
  }

  #varint(value: number): void {
    if (value < 0 || value >= 2 ** 32) return this.#longVarint(value);
    let rest = value >>> 0;
    for (; rest > 127; rest >>>= 7) this.#buffer[this.#at++] = (rest & 127) | 128;
    this.#buffer[this.#at++] = rest;
  }

  #longVarint(value: number): void {
    const whole = value >= 2 ** 63 ? MAX_INT64 : BigInt(Math.trunc(Math.max(value, -(2 ** 63))));
    let rest = BigInt.asUintN(64, whole);
    for (; rest > 127n; rest >>= 7n) this.#buffer[this.#at++] = Number(rest & 127n) | 128;
    this.#buffer[this.#at++] = Number(rest);
  }

  #room(bytes: number): void {
    if (this.#buffer.length - this.#at >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}

/** Bytes of a string field whose number is below 16. */
function textSize(text: string): number {
  const bytes = Buffer.byteLength(text);
  return 1 + varintSize(bytes) + bytes;
}

/** Bytes of a non-negative number. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size += 1;
  return size;
}
