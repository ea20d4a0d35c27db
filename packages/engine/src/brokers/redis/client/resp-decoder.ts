import { ErrorReply } from './error-replies.ts';

/** What a server sends unasked: its kind, such as `message` or `invalidate`, and what belongs to it. */
export type Push = readonly unknown[];

export interface RespDecoderDeps {
  /**
   * Blob strings are Buffers (views on what was pushed), simple ones texts, maps flat arrays, errors `ErrorReply`, also
   * inside arrays.
   */
  onReply(reply: unknown): void;
  onPush(push: Push): void;
}

/** An array whose elements are still coming. */
interface OpenArray {
  readonly values: unknown[];
  left: number;
  readonly isPush: boolean;
}

const [LF, MINUS, ZERO] = [10, 45, 48];
const NOTHING = Buffer.alloc(0);
/** What an element gives whose bytes are not all there yet. */
const UNFINISHED = Symbol('unfinished');
/** What an element gives that only begins an array. */
const OPENED = Symbol('opened');
/** A verbatim string begins with its format, such as `txt:`. */
const FORMAT_BYTES = 4;
/** Elements that one element of an aggregate stands for. */
const AGGREGATES: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2 };

/** Reads what a server sends in RESP3, however it is cut: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export class RespDecoder {
  readonly #deps: RespDecoderDeps;
  #bytes: Buffer = NOTHING;
  #at = 0;
  readonly #open: OpenArray[] = [];

  constructor(deps: RespDecoderDeps) {
    this.#deps = deps;
  }

  /** @throws Error when the bytes are none of the protocol */
  push(chunk: Buffer): void {
    this.#bytes =
      this.#at < this.#bytes.length ? Buffer.concat([this.#bytes.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
    while (this.#at < this.#bytes.length) {
      const value = this.#element();
      if (value === UNFINISHED) return;
      if (value !== OPENED) this.#deliver(value);
    }
    this.#bytes = NOTHING;
    this.#at = 0;
  }

  /** An element is whole: it ends as many arrays as wait for it alone. */
  #deliver(element: unknown): void {
    let value = element;
    for (let array = this.#open.at(-1); array; array = this.#open.at(-1)) {
      array.values.push(value);
      array.left -= 1;
      if (array.left > 0) return;
      this.#open.pop();
      if (array.isPush) return this.#deps.onPush(array.values);
      value = array.values;
    }
    this.#deps.onReply(value);
  }

  #element(): unknown {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const end = bytes.indexOf(LF, start);
    if (end < 0) return UNFINISHED;
    const kind = bytes[this.#at] as number;
    switch (kind) {
      case 36: // $
        return this.#blob(this.#integer(start), end + 1);
      case 58: // :
        this.#at = end + 1;
        return this.#integer(start);
      case 95: // _
        this.#at = end + 1;
        return null;
      default:
        return this.#rarer(String.fromCharCode(kind), start, end);
    }
  }

  #rarer(kind: string, start: number, end: number): unknown {
    const line = this.#bytes.toString('utf8', start, end - 1);
    const elements = AGGREGATES[kind];
    if (elements !== undefined) return this.#aggregate(kind === '>', Number(line) * elements, end + 1);
    if (kind === '=' || kind === '!') {
      const blob = this.#blob(Number(line), end + 1);
      if (blob === UNFINISHED || blob === null) return blob;
      return kind === '=' ? blob.subarray(FORMAT_BYTES) : new ErrorReply(blob.toString());
    }
    this.#at = end + 1;
    if (kind === '+') return line;
    if (kind === '-') return new ErrorReply(line);
    if (kind === ',' || kind === '(') return Number(line.replace('inf', 'Infinity'));
    if (kind === '#') return line === 't';
    throw new Error(`the server sent a reply of the unknown kind ${JSON.stringify(kind)}`);
  }

  #aggregate(isPush: boolean, count: number, next: number): unknown {
    this.#at = next;
    if (count < 0) return null;
    if (count === 0) return [];
    this.#open.push({ values: [], left: count, isPush });
    return OPENED;
  }

  /** From the start of its content; negative = null. */
  #blob(length: number, start: number): Buffer | null | typeof UNFINISHED {
    if (length < 0) {
      this.#at = start;
      return null;
    }
    const end = start + length;
    if (end + 2 > this.#bytes.length) return UNFINISHED;
    this.#at = end + 2;
    return this.#bytes.subarray(start, end);
  }

  /** Up to the end of the line. */
  #integer(start: number): number {
    const bytes = this.#bytes;
    const negative = bytes[start] === MINUS;
    let number = 0;
    for (let i = negative ? start + 1 : start; ; i += 1) {
      const digit = (bytes[i] as number) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      number = number * 10 + digit;
    }
    return negative ? -number : number;
  }
}
