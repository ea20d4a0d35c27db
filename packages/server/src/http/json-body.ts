/**
 * A JSON parser for request bodies that leaves payloads untouched.
 *
 * `JSON.parse` would round 19-digit integers and drop duplicate fields, so payloads must never pass through it. A scanner
 * (`json-scanner.ts`) reads the body first: it checks everything and notes where the payloads are. `JSON.parse` then gets
 * the body without its payloads.
 */
import { isUtf8 } from 'node:buffer';
import { JsonFault, Scanner, type Cut } from './json-scanner.ts';

/** A JSON value as it was sent, byte for byte; its numbers were never parsed. */
export class RawPayload {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
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
 * Payloads (`payload` of the root, of `task`, of `tasks[i]` and of `defaults`) are checked for syntax and depth only and become
 * `RawPayload`; null stays null. Everywhere else duplicate fields, `__proto__`, halves of surrogate pairs, numbers beyond
 * 2^53-1, and more fields or values than any valid body has are refused.
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
