import type { RedisArg } from './script.ts';

// RESP3, the wire format of Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/

const FIRST_SIZE = 65_536;
/** A buffer that has grown beyond this is not kept. */
const MAX_KEPT_BYTES = 1_048_576;
/** Up to this length a loop is faster than a call into native code. */
const SHORT_TEXT = 64;
/** Of a kind or a length, with its end of line. */
const MAX_HEAD_BYTES = 24;
/** Bytes of a code unit in UTF-8, at most. */
const MAX_ARGUMENT_WIDTH = 3;

const [CR, LF, STAR, DOLLAR, ZERO] = [13, 10, 42, 36, 48];

/** Commands as bytes, one after the other, in one buffer that is used again and again. */
export class RespEncoder {
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #at = 0;

  /** Bytes that were added since the last `taken`. */
  get size(): number {
    return this.#at;
  }

  /** @throws TypeError, RangeError for what is neither text nor bytes; nothing of the command stays then. */
  add(args: readonly RedisArg[]): void {
    const start = this.#at;
    try {
      this.#room(MAX_HEAD_BYTES);
      this.#head(STAR, args.length);
      for (const arg of args) {
        if (typeof arg === 'string') this.#text(arg);
        else this.#bytes(arg);
      }
    } catch (error) {
      // Half a command would spoil all that follow on the connection.
      this.#at = start;
      throw error;
    }
  }

  /** What was added, as a view. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** Begins anew; `kept`: somebody still reads the last view. */
  taken(kept: boolean): void {
    this.#at = 0;
    if (kept || this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  }

  #bytes(value: Buffer): void {
    this.#room(value.length + MAX_HEAD_BYTES);
    this.#head(DOLLAR, value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
    this.#endLine();
  }

  #text(value: string): void {
    this.#room(value.length * MAX_ARGUMENT_WIDTH + MAX_HEAD_BYTES);
    const start = this.#at;
    if (value.length <= SHORT_TEXT) {
      this.#head(DOLLAR, value.length);
      if (this.#ascii(value)) return this.#endLine();
      this.#at = start;
    }
    this.#head(DOLLAR, Buffer.byteLength(value));
    this.#at += this.#buffer.write(value, this.#at);
    this.#endLine();
  }

  #ascii(value: string): boolean {
    const buffer = this.#buffer;
    const at = this.#at;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      buffer[at + i] = code;
    }
    this.#at = at + value.length;
    return true;
  }

  #head(kind: number, length: number): void {
    this.#buffer[this.#at++] = kind;
    if (length < 10) this.#buffer[this.#at++] = ZERO + length;
    else if (length < 100) {
      this.#buffer[this.#at++] = ZERO + ((length / 10) | 0);
      this.#buffer[this.#at++] = ZERO + (length % 10);
    } else this.#at += this.#buffer.write(String(length), this.#at, 'latin1');
    this.#endLine();
  }

  #endLine(): void {
    this.#buffer[this.#at++] = CR;
    this.#buffer[this.#at++] = LF;
  }

  #room(bytes: number): void {
    if (this.#buffer.length - this.#at >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes));
    larger.set(this.view());
    this.#buffer = larger;
  }
}
