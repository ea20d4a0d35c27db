import type { RedisArg } from './script.ts';

// RESP3, the wire format of Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/

const INITIAL_BYTES = 65_536;
/** A buffer that has grown beyond this is not used again. */
const MAX_REUSED_BYTES = 1_048_576;
/** Up to this length a loop in JavaScript writes a text faster than `Buffer.write`. */
const MAX_LOOP_LENGTH = 64;
/** Most bytes of a prefix (a kind and a length, with its end of line) and of the end of line behind the content. */
const MAX_PREFIX_BYTES = 24;
/** Most bytes that a UTF-16 code unit takes in UTF-8. */
const MAX_UNIT_BYTES = 3;

const [CR, LF, STAR, DOLLAR, ZERO] = [13, 10, 42, 36, 48];

/** Encodes commands, one behind the other, into one buffer that is used again and again. */
export class RespEncoder {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #size = 0;

  /** Bytes encoded since the last `reset`. */
  get size(): number {
    return this.#size;
  }

  /**
   * Encodes a command.
   *
   * @throws TypeError, RangeError for an argument that is neither text nor bytes; then nothing of the command stays
   */
  add(args: readonly RedisArg[]): void {
    const start = this.#size;
    try {
      this.#reserve(MAX_PREFIX_BYTES);
      this.#writePrefix(STAR, args.length);
      for (const arg of args) {
        if (typeof arg === 'string') this.#writeText(arg);
        else this.#writeBytes(arg);
      }
    } catch (error) {
      // Half a command would spoil all that follow on the connection.
      this.#size = start;
      throw error;
    }
  }

  /** The encoded bytes. The view is valid until `reset(false)`. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Starts over with an empty buffer. `viewInUse`: the last view is still being read, so its bytes must stay. */
  reset(viewInUse: boolean): void {
    this.#size = 0;
    if (viewInUse || this.#buffer.length > MAX_REUSED_BYTES)
      this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }

  #writeBytes(value: Buffer): void {
    this.#reserve(value.length + MAX_PREFIX_BYTES);
    this.#writePrefix(DOLLAR, value.length);
    this.#buffer.set(value, this.#size);
    this.#size += value.length;
    this.#writeLineEnd();
  }

  #writeText(value: string): void {
    this.#reserve(value.length * MAX_UNIT_BYTES + MAX_PREFIX_BYTES);
    const start = this.#size;
    if (value.length <= MAX_LOOP_LENGTH) {
      this.#writePrefix(DOLLAR, value.length);
      if (this.#writeAscii(value)) return this.#writeLineEnd();
      this.#size = start;
    }
    this.#writePrefix(DOLLAR, Buffer.byteLength(value));
    this.#size += this.#buffer.write(value, this.#size);
    this.#writeLineEnd();
  }

  /** False = the text is not ASCII; nothing was written. */
  #writeAscii(value: string): boolean {
    const buffer = this.#buffer;
    const start = this.#size;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      buffer[start + i] = code;
    }
    this.#size = start + value.length;
    return true;
  }

  #writePrefix(kind: number, length: number): void {
    this.#buffer[this.#size++] = kind;
    if (length < 10) this.#buffer[this.#size++] = ZERO + length;
    else if (length < 100) {
      this.#buffer[this.#size++] = ZERO + ((length / 10) | 0);
      this.#buffer[this.#size++] = ZERO + (length % 10);
    } else this.#size += this.#buffer.write(String(length), this.#size, 'latin1');
    this.#writeLineEnd();
  }

  #writeLineEnd(): void {
    this.#buffer[this.#size++] = CR;
    this.#buffer[this.#size++] = LF;
  }

  /** Makes room for this many more bytes. */
  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#size >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#size + bytes));
    larger.set(this.view());
    this.#buffer = larger;
  }
}
