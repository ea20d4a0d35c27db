import { isUtf8 } from 'node:buffer';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';

/**
 * Protobuf's wire format, as far as Asynq's messages need it. Every task is encoded and decoded in Node's one thread, so reader
 * and writer avoid allocations.
 */

/** Thrown for bytes that are not a valid message. */
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
const REPLACEMENT_CHARACTER = '\ufffd';

/** The bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Reads protobuf fields one by one: call `next`, then the reading method that fits `wire`, or `skip`. Every method throws
 * `ProtocolError` at the first invalid byte, and allocates only what it returns.
 */
export class WireReader {
  /** Number and wire type of the current field. */
  field = 0;
  wire = 0;
  readonly #bytes: Buffer;
  readonly #end: number;
  #offset: number;
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = end;
  }

  /** Offset of the next field, once the current one has been read. */
  get offset(): number {
    return this.#offset;
  }

  /** Moves to the next field; returns false at the end. */
  next(): boolean {
    if (this.#offset === this.#end) return false;
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
    return this.#bytes.subarray(start, this.#offset);
  }

  text(): string {
    const start = this.#length();
    const text = this.#bytes.toString('utf8', start, this.#offset);
    if (text.includes(REPLACEMENT_CHARACTER) && !isUtf8(this.#bytes.subarray(start, this.#offset))) {
      throw new ProtocolError('a text is not valid UTF-8');
    }
    return text;
  }

  /** A reader of the nested message in this field. */
  nested(): WireReader {
    const start = this.#length();
    return new WireReader(this.#bytes, start, this.#offset);
  }

  /** Skips the field's value, of whichever wire type. */
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

  /** Reads a length and moves behind that many bytes; returns their start. */
  #length(): number {
    this.#varint();
    if (this.#high !== 0) throw new ProtocolError('a length is beyond the end');
    const start = this.#offset;
    this.#advance(this.#low);
    return start;
  }

  #advance(count: number): void {
    if (count > this.#end - this.#offset) throw new ProtocolError('a length is beyond the end');
    this.#offset += count;
  }

  /** Reads a varint of up to 64 bits into two 32-bit halves, `#low` and `#high`. */
  #varint(): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
      if (this.#offset === this.#end) throw new ProtocolError('it ends in the middle of a number');
      const byte = this.#bytes[this.#offset] as number;
      this.#offset += 1;
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

/** By field number: the wire type it must have, and what reads it. */
export type FieldReads = Readonly<Record<number, readonly [wire: number, read: () => unknown]>>;

/** Reads all fields. Unknown ones, and known ones with a wrong wire type, are skipped, as in Go. */
export function readFields(reader: WireReader, reads: FieldReads): void {
  while (reader.next()) {
    const known = reads[reader.field];
    if (known && known[0] === reader.wire) known[1]();
    else reader.skip();
  }
}

const INITIAL_SIZE = 4_096;
/** A larger scratch buffer is released after use. */
const MAX_SCRATCH_BYTES = 1_048_576;

/** Writes protobuf fields into a scratch buffer, which it reuses: one writer serves many messages. */
export class WireWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  #offset = 0;

  /** Returns the bytes that `write` writes. If it throws, nothing of this message is left over for the next one. */
  encode<Message>(write: (message: Message) => void, message: Message): Buffer {
    try {
      write(message);
      const bytes = Buffer.allocUnsafe(this.#offset);
      this.#buffer.copy(bytes, 0, 0, this.#offset);
      return bytes;
    } finally {
      this.#offset = 0;
      if (this.#buffer.length > MAX_SCRATCH_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
    }
  }

  /** Writes an integer field, also if it is 0. A number beyond int64 becomes the nearest one that fits. */
  int(field: number, value: number): void {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  /** Writes a bytes field, also if it is empty. */
  bytes(field: number, value: Uint8Array): void {
    this.#reserve(value.length + 2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    this.#varint(value.length);
    this.#buffer.set(value, this.#offset);
    this.#offset += value.length;
  }

  /**
   * Writes a string field, also if it is empty.
   *
   * @throws TaskCenterError `invalid-value` for a lone surrogate, which is not valid UTF-8: Go refuses such a message
   */
  text(field: number, value: string): void {
    this.#reserve(value.length * 3 + 2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    if (value.length < 64 && this.#ascii(value)) return;
    if (!value.isWellFormed()) {
      throw new TaskCenterError('invalid-value', {
        name: 'a text of the task',
        got: shown(value.toWellFormed()),
        expected: 'valid Unicode',
      });
    }
    this.#varint(Buffer.byteLength(value));
    this.#offset += this.#buffer.write(value, this.#offset);
  }

  /** Writes an entry of a map of strings. Key and value are always written, also if empty, as Go does. */
  entry(field: number, key: string, value: string): void {
    const bytes = textSize(key) + textSize(value);
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    this.#varint(bytes);
    this.text(1, key);
    this.text(2, value);
  }

  /** Writes length and text if it is ASCII; returns whether it is. For short texts faster than a native call. */
  #ascii(value: string): boolean {
    const start = this.#offset + 1;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      this.#buffer[start + i] = code;
    }
    this.#buffer[this.#offset] = value.length;
    this.#offset = start + value.length;
    return true;
  }

  #varint(value: number): void {
    if (value < 0 || value >= 2 ** 32) return this.#longVarint(value);
    let remaining = value >>> 0;
    for (; remaining > 127; remaining >>>= 7) this.#buffer[this.#offset++] = (remaining & 127) | 128;
    this.#buffer[this.#offset++] = remaining;
  }

  #longVarint(value: number): void {
    const whole = value >= 2 ** 63 ? MAX_INT64 : BigInt(Math.trunc(Math.max(value, -(2 ** 63))));
    let remaining = BigInt.asUintN(64, whole);
    for (; remaining > 127n; remaining >>= 7n) this.#buffer[this.#offset++] = Number(remaining & 127n) | 128;
    this.#buffer[this.#offset++] = Number(remaining);
  }

  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#offset >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#offset + bytes));
    larger.set(this.#buffer.subarray(0, this.#offset));
    this.#buffer = larger;
  }
}

/** Size of a string field whose number is below 16, in bytes. */
function textSize(text: string): number {
  const bytes = Buffer.byteLength(text);
  return 1 + varintSize(bytes) + bytes;
}

/** Size of a non-negative number as a varint, in bytes. */
function varintSize(value: number): number {
  let size = 1;
  for (let remaining = value; remaining > 127; remaining = Math.floor(remaining / 128)) size += 1;
  return size;
}
