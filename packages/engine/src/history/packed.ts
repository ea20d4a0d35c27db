// Numbers and texts one behind the other, without tags: of a series with ten small numbers, tags would be a third.

/** Thrown for bytes that are not what they should be. Those who read skip them. */
export class PackedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PackedError';
  }
}

const PACKER_BYTES = 1_024;
const MAX_NUMBER_BYTES = 8;

/** Appends numbers and texts to a buffer that grows. */
export class Packer {
  #buffer = Buffer.allocUnsafe(PACKER_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A whole number from 0 to 2^53 - 1. Seven bits take one byte. */
  number(value: number): void {
    this.#reserve(MAX_NUMBER_BYTES);
    let rest = value;
    for (; rest > 2 ** 31 - 1; rest = Math.floor(rest / 128))
      this.#buffer[this.#length++] = (rest % 128) | 128;
    for (; rest > 127; rest >>>= 7) this.#buffer[this.#length++] = (rest & 127) | 128;
    this.#buffer[this.#length++] = rest;
  }

  /** Bytes without their length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Bytes behind their length. */
  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
  }

  /** What was appended, until `clear`: a view, not a copy. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was appended. */
  done(): Uint8Array {
    return new Uint8Array(this.view());
  }

  /** Begins anew with the same buffer. */
  clear(): void {
    this.#length = 0;
  }

  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#length >= bytes) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + bytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Reads what a `Packer` has written, in the same order. Each method throws `PackedError` where the bytes cannot be that. */
export class Unpacker {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < MAX_NUMBER_BYTES; i += 1, scale *= 128) {
      const byte = this.#bytes[this.#offset];
      if (byte === undefined) throw new PackedError('it ends in the middle of a number');
      this.#offset += 1;
      value += (byte & 127) * scale;
      if (byte > 127) continue;
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new PackedError('a number is beyond 2^53');
  }

  /** A number of things that follow. Each takes at least a byte: more than there are bytes cannot be true. */
  count(): number {
    const count = this.number();
    if (count > this.#bytes.length - this.#offset) throw new PackedError('a count is beyond the end');
    return count;
  }

  /** A view of bytes behind their length. */
  bytes(): Uint8Array {
    const length = this.count();
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }
}
