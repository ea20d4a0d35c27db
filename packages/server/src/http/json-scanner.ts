/**
 * Reads the text of a JSON body once, in linear time: checks the syntax of everything, notes where the payloads are, and
 * refuses what `JSON.parse` would silently accept, or what would take long to check.
 */
import { limits } from '@task-center/api';

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
 * What the scanner is in. Payloads are cut from the root, from each of `tasks`, and from `task` and `defaults` (all three are `task`).
 */
type Region = 'root' | 'task' | 'tasks' | 'other' | 'payload';
type Holder = readonly (string | number)[];

/** A payload, and where it belongs. */
export interface Cut {
  readonly from: number;
  readonly to: number;
  /** Path of the object with the field `payload`. */
  readonly holder: Holder;
}

const [QUOTE, COMMA, MINUS, COLON, OPEN, BACKSLASH, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [
  0x22, 0x2c, 0x2d, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
] as const;
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
/** The literals by their first byte. */
const LITERALS = new Map(['true', 'false', 'null'].map((text) => [text.charCodeAt(0), Buffer.from(text)]));
const ZERO = 0x30;
const POINT = 0x2e;
/** Integers of this many characters are exact, whatever their digits are. */
const MAX_EXACT_LENGTH = 15;

/** Fields of a body that are a task or its defaults. */
const HOLDERS = new Set(['task', 'defaults']);

const isHex = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
const isDigit = (byte: number) => byte >= ZERO && byte <= 0x39;
const isExponent = (byte: number) => (byte | 0x20) === 0x65;
const isSign = (byte: number) => byte === 0x2b || byte === MINUS;

/** The names of an object's fields. Most objects in a hostile body have one field: only a second one makes a set. */
class Names {
  #first: string | null = null;
  #others: Set<string> | null = null;

  /** Adds a name. Returns what is wrong with it; null = nothing. */
  add(name: string): string | null {
    if (name === '__proto__') return 'a field must not be called __proto__';
    if (this.#first === null) {
      this.#first = name;
      return null;
    }
    this.#others ??= new Set();
    if (name === this.#first || this.#others.has(name))
      return `the field ${JSON.stringify(name.slice(0, 64))} occurs twice`;
    this.#others.add(name);
    if (this.#others.size < limits.objectFields) return null;
    return `an object has more than ${limits.objectFields} fields`;
  }
}

/**
 * Reads a text once, from left to right: checks all of it and collects what to cut. Throws `JsonFault` at the first
 * fault.
 */
export class Scanner {
  readonly #bytes: Buffer;
  readonly cuts: Cut[] = [];
  #at = 0;
  /** Values outside payloads so far. */
  #values = 0;

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
    if (this.#at < this.#bytes.length) this.#notJson();
    this.#fault('the JSON text ends too soon');
  }

  #notJson(at = this.#at): never {
    this.#fault('the text is not valid JSON here', at);
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
    if (region !== 'payload') this.#countValue();
    if (byte === OPEN_BRACE) return this.#object(region, holder, depth + 1);
    if (byte === OPEN) return this.#array(region, holder, depth + 1);
    if (byte === QUOTE) return void this.#string(region !== 'payload');
    if (byte === MINUS || (byte !== undefined && isDigit(byte))) return this.#number(region);
    this.#literal();
  }

  #countValue(): void {
    this.#values += 1;
    if (this.#values > limits.bodyValues)
      this.#fault(`the body has more than ${limits.bodyValues} values outside payloads`);
  }

  /** Passes `true`, `false` or `null`. */
  #literal(): void {
    const literal = LITERALS.get(this.#bytes[this.#at] ?? 0);
    if (literal === undefined) this.#unexpected();
    for (let i = 1; i < literal.length; i += 1)
      if (this.#bytes[this.#at + i] !== literal[i]) this.#unexpected();
    this.#at += literal.length;
  }

  /** Passes a number. Outside payloads it must be exact: a larger one would be rounded. */
  #number(region: Region): void {
    const from = this.#at;
    const isInteger = this.#numberSyntax();
    if (region === 'payload' || (isInteger && this.#at - from <= MAX_EXACT_LENGTH)) return;
    const value = Number(this.#bytes.toString('latin1', from, this.#at));
    if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return;
    this.#fault('a number is beyond 2^53-1 and would lose digits; send it as a string', from);
  }

  /** Passes a number and returns whether it has neither a fraction nor an exponent. Makes no text of it: there may be millions. */
  #numberSyntax(): boolean {
    const from = this.#at;
    let isInteger = true;
    if (this.#bytes[this.#at] === MINUS) this.#at += 1;
    if (this.#bytes[this.#at] === ZERO) this.#at += 1;
    else this.#digits(from);
    if (this.#bytes[this.#at] === POINT) {
      isInteger = false;
      this.#at += 1;
      this.#digits(from);
    }
    if (isExponent(this.#bytes[this.#at] ?? 0)) {
      isInteger = false;
      this.#at += isSign(this.#bytes[this.#at + 1] ?? 0) ? 2 : 1;
      this.#digits(from);
    }
    const next = this.#bytes[this.#at] ?? 0;
    if (isDigit(next) || next === POINT || isSign(next) || isExponent(next)) this.#notJson(from);
    return isInteger;
  }

  /** Passes at least one digit of the number that begins at `from`. */
  #digits(from: number): void {
    const first = this.#at;
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at += 1;
    if (this.#at === first) this.#notJson(from);
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
    const names = region === 'payload' ? null : new Names();
    do this.#member(region, holder, { depth, names });
    while (this.#hasMore(CLOSE_BRACE));
  }

  #member(region: Region, holder: Holder, { depth, names }: { depth: number; names: Names | null }): void {
    const from = this.#at;
    const name = this.#string(names !== null);
    const fault = names?.add(name) ?? null;
    if (fault !== null) this.#fault(fault, from);
    this.#skipBlanks();
    if (this.#bytes[this.#at] !== COLON) this.#unexpected();
    this.#at += 1;
    this.#skipBlanks();
    if (name === 'payload' && (region === 'root' || region === 'task')) this.#cut(holder);
    else if (region === 'root' && name === 'tasks') this.#value('tasks', ['tasks'], depth);
    else if (region === 'root' && HOLDERS.has(name)) this.#value('task', [name], depth);
    else this.#value(region === 'payload' ? 'payload' : 'other', holder, depth);
  }

  /** Passes a payload and remembers where it is. Its depth counts from its own root. */
  #cut(holder: Holder): void {
    const from = this.#at;
    this.#value('payload', [], 0);
    this.cuts.push({ from, to: this.#at, holder });
  }
}
