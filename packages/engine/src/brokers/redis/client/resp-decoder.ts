import { ErrorReply } from './error-replies.ts';

/** A message that the server sends without being asked: its kind, such as `message` or `invalidate`, and its values. */
export type Push = readonly unknown[];

export interface RespDecoderDeps {
  /**
   * Blob strings are Buffers (views on the pushed chunks), simple strings are strings, maps are flat arrays, and errors
   * are `ErrorReply`, also inside arrays.
   */
  onReply(reply: unknown): void;
  onPush(push: Push): void;
}

/** An array that is not complete yet. */
interface OpenArray {
  readonly values: unknown[];
  /** Elements still missing. */
  missing: number;
  readonly isPush: boolean;
}

const [LF, MINUS, ZERO] = [10, 45, 48];
const NO_BYTES = Buffer.alloc(0);
/** The value of an element whose bytes have not all arrived. */
const UNFINISHED = Symbol('unfinished');
/** The value of an element that only begins an array. */
const OPENED = Symbol('opened');
/** A verbatim string begins with its format, such as `txt:`. */
const FORMAT_BYTES = 4;
/** Values per counted element, by the kind of aggregate: a map counts pairs. */
const AGGREGATES: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2 };

/**
 * Decodes RESP3, the wire format of Redis, from chunks cut anywhere.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class RespDecoder {
  readonly #deps: RespDecoderDeps;
  #bytes: Buffer = NO_BYTES;
  /** Index of the next element in the bytes. */
  #position = 0;
  /** Incomplete arrays, the innermost last. */
  readonly #open: OpenArray[] = [];

  constructor(deps: RespDecoderDeps) {
    this.#deps = deps;
  }

  /**
   * Takes the next bytes and delivers what they complete.
   *
   * @throws Error when the bytes are not RESP3
   */
  push(chunk: Buffer): void {
    this.#bytes =
      this.#position < this.#bytes.length
        ? Buffer.concat([this.#bytes.subarray(this.#position), chunk])
        : chunk;
    this.#position = 0;
    while (this.#position < this.#bytes.length) {
      const value = this.#readElement();
      if (value === UNFINISHED) return;
      if (value !== OPENED) this.#deliver(value);
    }
    this.#bytes = NO_BYTES;
    this.#position = 0;
  }

  /** Puts a complete element into the innermost array. That may complete the array, and so on outwards. */
  #deliver(element: unknown): void {
    let value = element;
    for (let array = this.#open.at(-1); array; array = this.#open.at(-1)) {
      array.values.push(value);
      array.missing -= 1;
      if (array.missing > 0) return;
      this.#open.pop();
      if (array.isPush) return this.#deps.onPush(array.values);
      value = array.values;
    }
    this.#deps.onReply(value);
  }

  #readElement(): unknown {
    const bytes = this.#bytes;
    const start = this.#position + 1;
    const end = bytes.indexOf(LF, start);
    if (end < 0) return UNFINISHED;
    const kind = bytes[this.#position] as number;
    switch (kind) {
      case 36: // $
        return this.#readBlob(this.#readInteger(start), end + 1);
      case 58: // :
        this.#position = end + 1;
        return this.#readInteger(start);
      case 95: // _
        this.#position = end + 1;
        return null;
      default:
        return this.#readUncommon(String.fromCharCode(kind), start, end);
    }
  }

  #readUncommon(kind: string, start: number, end: number): unknown {
    const line = this.#bytes.toString('utf8', start, end - 1);
    const elements = AGGREGATES[kind];
    if (elements !== undefined) return this.#openAggregate(kind === '>', Number(line) * elements, end + 1);
    if (kind === '=' || kind === '!') {
      const blob = this.#readBlob(Number(line), end + 1);
      if (blob === UNFINISHED || blob === null) return blob;
      return kind === '=' ? blob.subarray(FORMAT_BYTES) : new ErrorReply(blob.toString());
    }
    this.#position = end + 1;
    if (kind === '+') return line;
    if (kind === '-') return new ErrorReply(line);
    if (kind === ',' || kind === '(') return Number(line.replace('inf', 'Infinity'));
    if (kind === '#') return line === 't';
    throw new Error(`the server sent a reply of the unknown kind ${JSON.stringify(kind)}`);
  }

  #openAggregate(isPush: boolean, count: number, next: number): unknown {
    this.#position = next;
    if (count < 0) return null;
    if (count === 0) return [];
    this.#open.push({ values: [], missing: count, isPush });
    return OPENED;
  }

  /** The blob whose content starts at `start`; a negative length = null. */
  #readBlob(length: number, start: number): Buffer | null | typeof UNFINISHED {
    if (length < 0) {
      this.#position = start;
      return null;
    }
    const end = start + length;
    if (end + 2 > this.#bytes.length) return UNFINISHED;
    this.#position = end + 2;
    return this.#bytes.subarray(start, end);
  }

  /** The decimal integer from `start` to the end of the line. */
  #readInteger(start: number): number {
    const bytes = this.#bytes;
    const isNegative = bytes[start] === MINUS;
    let number = 0;
    for (let i = isNegative ? start + 1 : start; ; i += 1) {
      const digit = (bytes[i] as number) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      number = number * 10 + digit;
    }
    return isNegative ? -number : number;
  }
}
