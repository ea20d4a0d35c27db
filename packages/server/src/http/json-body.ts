/**
 * A JSON parser for request bodies that leaves payloads untouched.
 *
 * `JSON.parse` would round 19-digit integers and drop duplicate fields, so payloads must never pass through it. A scanner
 * reads the body once, in linear time: it checks the syntax of everything, notes where the payloads are, and refuses what
 * `JSON.parse` would silently accept. `JSON.parse` then gets the body without its payloads.
 */
import { isUtf8 } from 'node:buffer';
import { limits } from '@task-center/api';

/** A JSON value as it was sent, byte for byte; its numbers were never parsed. */
export class RawPayload {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Why a body cannot be read, and at which byte. */
export class JsonFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonFault';
    this.offset = offset;
  }
}

/**
 * What the scanner is in. Payloads are cut from the root, from each of `tasks` and from `defaults` (both are `task`).
 */
type Region = 'root' | 'task' | 'tasks' | 'other' | 'payload';
type Holder = readonly (string | number)[];

interface Cut {
  readonly from: number;
  readonly to: number;
  /** Path of the object with the field `payload`. */
  readonly holder: Holder;
}

const [QUOTE, COMMA, MINUS, COLON, OPEN, BACKSLASH, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [
  0x22, 0x2c, 0x2d, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
] as const;
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const LITERALS = { t: 'true', f: 'false', n: 'null' } as const;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const isHex = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
const isNumberByte = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || (byte | 0x20) === 0x65;

/**
 * Reads a text once, from left to right: checks all of it and collects what to cut. Throws `JsonFault` at the first
 * fault.
 */
class Scanner {
  readonly #bytes: Buffer;
  readonly cuts: Cut[] = [];
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Checks that the text is one value and nothing else. */
  scan(region: 'root' | 'payload'): void {
    this.#skipBlanks();
    this.#value(region, [], 0);
    this.#skipBlanks();
    if (this.#at < this.#bytes.length) this.#fault('something follows the JSON value');
  }

  #fault(message: string, at = this.#at): never {
    throw new JsonFault(message, at);
  }

  #unexpected(): never {
    this.#fault(
      this.#at < this.#bytes.length ? 'the text is not valid JSON here' : 'the JSON text ends too soon',
    );
  }

  #skipBlanks(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at += 1;
    }
  }

  #value(region: Region, holder: Holder, depth: number): void {
    const byte = this.#bytes[this.#at];
    if (byte === OPEN_BRACE) return this.#object(region, holder, depth + 1);
    if (byte === OPEN) return this.#array(region, holder, depth + 1);
    if (byte === QUOTE) return void this.#string(region !== 'payload');
    if (byte === MINUS || (byte !== undefined && byte >= 0x30 && byte <= 0x39)) return this.#number(region);
    this.#literal();
  }

  /** Passes `true`, `false` or `null`. */
  #literal(): void {
    const literal = LITERALS[String.fromCharCode(this.#bytes[this.#at] ?? 0) as keyof typeof LITERALS];
    if (literal === undefined) this.#unexpected();
    if (this.#bytes.toString('latin1', this.#at, this.#at + literal.length) !== literal) this.#unexpected();
    this.#at += literal.length;
  }

  /** Passes a number. Outside payloads it must be exact: a larger one would be rounded. */
  #number(region: Region): void {
    const from = this.#at;
    while (isNumberByte(this.#bytes[this.#at] ?? 0)) this.#at += 1;
    const text = this.#bytes.toString('latin1', from, this.#at);
    NUMBER.lastIndex = 0;
    if (NUMBER.exec(text)?.[0].length !== text.length) this.#fault('the text is not valid JSON here', from);
    if (region === 'payload') return;
    const value = Number(text);
    if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return;
    this.#fault('a number is beyond 2^53-1 and would lose digits; send it as a string', from);
  }

  /** Passes a string. Returns its text if `decode` is true, else an empty text. */
  #string(decode: boolean): string {
    if (this.#bytes[this.#at] !== QUOTE) this.#unexpected();
    const from = this.#at;
    let escaped = false;
    for (this.#at += 1; ; this.#at += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < 0x20) this.#unexpected();
      if (byte !== BACKSLASH) continue;
      escaped = true;
      this.#escape();
    }
    this.#at += 1;
    if (!decode) return '';
    if (!escaped) return this.#bytes.toString('utf8', from + 1, this.#at - 1);
    const text = JSON.parse(this.#bytes.toString('utf8', from, this.#at)) as string;
    if (!text.isWellFormed()) this.#fault('a string contains half of a surrogate pair', from);
    return text;
  }

  /** Passes an escape sequence and stops at its last byte. */
  #escape(): void {
    this.#at += 1;
    const byte = this.#bytes[this.#at] ?? 0;
    if (ESCAPES.has(byte)) return;
    if (byte !== 0x75) this.#unexpected();
    for (let digit = 0; digit < 4; digit += 1) {
      this.#at += 1;
      if (!isHex(this.#bytes[this.#at] ?? 0)) this.#unexpected();
    }
  }

  /** Passes the opening bracket of an object or array. */
  #open(depth: number): void {
    if (depth > limits.jsonDepth) this.#fault(`the JSON value is nested more than ${limits.jsonDepth} deep`);
    this.#at += 1;
    this.#skipBlanks();
  }

  /** Passes the comma or closing bracket after an element; true = another element follows. */
  #hasMore(close: number): boolean {
    this.#skipBlanks();
    const byte = this.#bytes[this.#at];
    if (byte !== COMMA && byte !== close) this.#unexpected();
    this.#at += 1;
    if (byte === close) return false;
    this.#skipBlanks();
    return true;
  }

  #array(region: Region, holder: Holder, depth: number): void {
    this.#open(depth);
    if (this.#bytes[this.#at] === CLOSE) {
      this.#at += 1;
      return;
    }
    const inner = region === 'tasks' ? 'task' : region === 'payload' ? 'payload' : 'other';
    let index = 0;
    do this.#value(inner, inner === 'task' ? [...holder, index++] : holder, depth);
    while (this.#hasMore(CLOSE));
  }

  #object(region: Region, holder: Holder, depth: number): void {
    this.#open(depth);
    if (this.#bytes[this.#at] === CLOSE_BRACE) {
      this.#at += 1;
      return;
    }
    // A payload may repeat names: it belongs to the task's owner.
    const names = region === 'payload' ? null : new Set<string>();
    do this.#member(region, holder, { depth, names });
    while (this.#hasMore(CLOSE_BRACE));
  }

  #member(
    region: Region,
    holder: Holder,
    { depth, names }: { depth: number; names: Set<string> | null },
  ): void {
    const from = this.#at;
    const name = this.#string(names !== null);
    if (names?.has(name)) this.#fault(`the field ${JSON.stringify(name.slice(0, 64))} occurs twice`, from);
    if (name === '__proto__') this.#fault('a field must not be called __proto__', from);
    names?.add(name);
    this.#skipBlanks();
    if (this.#bytes[this.#at] !== COLON) this.#unexpected();
    this.#at += 1;
    this.#skipBlanks();
    if (name === 'payload' && (region === 'root' || region === 'task')) this.#cut(holder);
    else if (region === 'root' && name === 'tasks') this.#value('tasks', ['tasks'], depth);
    else if (region === 'root' && name === 'defaults') this.#value('task', ['defaults'], depth);
    else this.#value(region === 'payload' ? 'payload' : 'other', holder, depth);
  }

  /** Passes a payload and remembers where it is. Its depth counts from its own root. */
  #cut(holder: Holder): void {
    const from = this.#at;
    this.#value('payload', [], 0);
    this.cuts.push({ from, to: this.#at, holder });
  }
}

/** The text with `null` in place of each payload. */
function withoutCuts(bytes: Buffer, cuts: readonly Cut[]): string {
  let text = '';
  let at = 0;
  for (const { from, to } of cuts) {
    text += `${bytes.toString('utf8', at, from)}null`;
    at = to;
  }
  return text + bytes.toString('utf8', at);
}

/** Puts a payload back into the parsed body. */
function insertPayload(root: unknown, bytes: Buffer, { from, to, holder }: Cut): void {
  const object = holder.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], root);
  const isNull = to - from === 4 && bytes[from] === 0x6e;
  // A copy: a slice would keep the whole body in memory until the task is stored.
  (object as Record<string, unknown>)['payload'] = isNull
    ? null
    : new RawPayload(Buffer.from(bytes.subarray(from, to)));
}

/**
 * Parses a body.
 *
 * Payloads (`payload` of the root, of `tasks[i]` and of `defaults`) are checked for syntax and depth only and become
 * `RawPayload`; null stays null. Everywhere else duplicate fields, `__proto__`, halves of surrogate pairs and numbers beyond
 * 2^53-1 are refused.
 *
 * @throws JsonFault
 */
export function parseBody(body: Uint8Array): unknown {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!isUtf8(bytes)) throw new JsonFault('the text is not UTF-8', 0);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw new JsonFault('the text begins with a byte order mark', 0);
  const scanner = new Scanner(bytes);
  scanner.scan('root');
  const value: unknown = JSON.parse(withoutCuts(bytes, scanner.cuts));
  for (const cut of scanner.cuts) insertPayload(value, bytes, cut);
  return value;
}

/** Whether the bytes are JSON that would be accepted as a payload. */
export function isJson(bytes: Uint8Array): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    new Scanner(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).scan('payload');
    return true;
  } catch {
    return false;
  }
}
