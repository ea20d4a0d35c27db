import { isUtf8 } from 'node:buffer';
import { limits } from '@task-center/api';

/** A JSON value cut from a body as it stands; its numbers were never parsed. */
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

/** Where the scanner is: a payload is cut from the root and from what lies in `tasks` and `defaults`. */
type Where = 'root' | 'task' | 'tasks' | 'other' | 'payload';
type Holder = readonly (string | number)[];

interface Cut {
  readonly from: number;
  readonly to: number;
  /** Path of the object that holds the payload. */
  readonly holder: Holder;
}

const [QUOTE, COMMA, MINUS, COLON, OPEN, BACKSLASH, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [
  0x22, 0x2c, 0x2d, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
] as const;
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const WORDS = { t: 'true', f: 'false', n: 'null' } as const;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const isHex = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
const isNumberByte = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || (byte | 0x20) === 0x65;

/** Reads a text once, from left to right: checks all of it, remembers what to cut. */
class Scanner {
  readonly #bytes: Buffer;
  readonly cuts: Cut[] = [];
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Checks that there is one value and nothing else. */
  whole(where: 'root' | 'payload'): void {
    this.#blanks();
    this.#value(where, [], 0);
    this.#blanks();
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

  #blanks(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at += 1;
    }
  }

  #value(where: Where, holder: Holder, depth: number): void {
    const byte = this.#bytes[this.#at];
    if (byte === OPEN_BRACE) return this.#object(where, holder, depth + 1);
    if (byte === OPEN) return this.#array(where, holder, depth + 1);
    if (byte === QUOTE) return void this.#string(where !== 'payload');
    if (byte === MINUS || (byte !== undefined && byte >= 0x30 && byte <= 0x39)) return this.#number(where);
    this.#word();
  }

  #word(): void {
    const word = WORDS[String.fromCharCode(this.#bytes[this.#at] ?? 0) as keyof typeof WORDS];
    if (word === undefined) this.#unexpected();
    if (this.#bytes.toString('latin1', this.#at, this.#at + word.length) !== word) this.#unexpected();
    this.#at += word.length;
  }

  #number(where: Where): void {
    const from = this.#at;
    while (isNumberByte(this.#bytes[this.#at] ?? 0)) this.#at += 1;
    const text = this.#bytes.toString('latin1', from, this.#at);
    NUMBER.lastIndex = 0;
    if (NUMBER.exec(text)?.[0].length !== text.length) this.#fault('the text is not valid JSON here', from);
    if (where === 'payload') return;
    const value = Number(text);
    if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return;
    this.#fault('a number is beyond 2^53-1 and would lose digits; send it as a string', from);
  }

  /** Passes a string; returns its text where `strict` asks for it. */
  #string(strict: boolean): string {
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
    if (!strict) return '';
    if (!escaped) return this.#bytes.toString('utf8', from + 1, this.#at - 1);
    const text = JSON.parse(this.#bytes.toString('utf8', from, this.#at)) as string;
    if (!text.isWellFormed()) this.#fault('a string has half of a surrogate pair', from);
    return text;
  }

  /** Passes an escape; ends on its last byte. */
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

  #deeper(depth: number): void {
    if (depth > limits.jsonDepth) this.#fault(`the JSON value is nested more than ${limits.jsonDepth} deep`);
    this.#at += 1;
    this.#blanks();
  }

  /** After an element: true = another follows. */
  #more(close: number): boolean {
    this.#blanks();
    const byte = this.#bytes[this.#at];
    if (byte !== COMMA && byte !== close) this.#unexpected();
    this.#at += 1;
    if (byte === close) return false;
    this.#blanks();
    return true;
  }

  #array(where: Where, holder: Holder, depth: number): void {
    this.#deeper(depth);
    if (this.#bytes[this.#at] === CLOSE) {
      this.#at += 1;
      return;
    }
    const inner = where === 'tasks' ? 'task' : where === 'payload' ? 'payload' : 'other';
    let index = 0;
    do this.#value(inner, inner === 'task' ? [...holder, index++] : holder, depth);
    while (this.#more(CLOSE));
  }

  #object(where: Where, holder: Holder, depth: number): void {
    this.#deeper(depth);
    if (this.#bytes[this.#at] === CLOSE_BRACE) {
      this.#at += 1;
      return;
    }
    const names = where === 'payload' ? null : new Set<string>();
    do this.#member(where, holder, { depth, names });
    while (this.#more(CLOSE_BRACE));
  }

  #member(
    where: Where,
    holder: Holder,
    { depth, names }: { depth: number; names: Set<string> | null },
  ): void {
    const from = this.#at;
    const name = this.#string(names !== null);
    if (names?.has(name)) this.#fault(`the field ${JSON.stringify(name.slice(0, 64))} stands twice`, from);
    if (name === '__proto__') this.#fault('a field must not be called __proto__', from);
    names?.add(name);
    this.#blanks();
    if (this.#bytes[this.#at] !== COLON) this.#unexpected();
    this.#at += 1;
    this.#blanks();
    if (name === 'payload' && (where === 'root' || where === 'task')) this.#cut(holder);
    else if (where === 'root' && name === 'tasks') this.#value('tasks', ['tasks'], depth);
    else if (where === 'root' && name === 'defaults') this.#value('task', ['defaults'], depth);
    else this.#value(where === 'payload' ? 'payload' : 'other', holder, depth);
  }

  #cut(holder: Holder): void {
    const from = this.#at;
    this.#value('payload', [], 0);
    this.cuts.push({ from, to: this.#at, holder });
  }
}

/** The text without what was cut; `null` stands there instead. */
function restOf(bytes: Buffer, cuts: readonly Cut[]): string {
  let rest = '';
  let at = 0;
  for (const { from, to } of cuts) {
    rest += `${bytes.toString('utf8', at, from)}null`;
    at = to;
  }
  return rest + bytes.toString('utf8', at);
}

function place(root: unknown, bytes: Buffer, { from, to, holder }: Cut): void {
  const object = holder.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], root);
  const isNull = to - from === 4 && bytes[from] === 0x6e;
  // A copy: a slice would keep the whole body in memory as long as the task is under way.
  (object as Record<string, unknown>)['payload'] = isNull
    ? null
    : new RawPayload(Buffer.from(bytes.subarray(from, to)));
}

/**
 * Parses a body. Payloads (`payload` of the root, of `tasks[i]`, of `defaults`) are checked for syntax and depth
 * only and cut out byte for byte (`RawPayload`; null stays null); in the rest duplicate fields, `__proto__`,
 * halves of surrogate pairs and numbers beyond 2^53-1 are refused (api section 1).
 *
 * @throws JsonFault
 */
export function parseBody(body: Uint8Array): unknown {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!isUtf8(bytes)) throw new JsonFault('the text is not UTF-8', 0);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw new JsonFault('the text begins with a byte order mark', 0);
  const scanner = new Scanner(bytes);
  scanner.whole('root');
  const value: unknown = JSON.parse(restOf(bytes, scanner.cuts));
  for (const cut of scanner.cuts) place(value, bytes, cut);
  return value;
}

/** Whether the bytes are JSON that a payload may be. */
export function isJson(bytes: Uint8Array): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    new Scanner(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).whole('payload');
    return true;
  } catch {
    return false;
  }
}
