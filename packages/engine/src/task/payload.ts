import { isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { insteadOf, JsonLoss, writeJson } from './json-losses.ts';

/**
 * A payload or a result as callers give it. Bytes are stored as they are, other values as JSON, `undefined` as nothing.
 */
export type Content = unknown;

const BYTE_ORDER_MARK = '\ufeff';
/** Node puts it where bytes are not UTF-8; the text itself may contain it, too. */
const REPLACEMENT = '\ufffd';

/**
 * Decodes UTF-8 strictly. `TextDecoder` with `fatal` does the same, but takes several times as long for a short text.
 *
 * @throws TypeError
 */
function decodeUtf8(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString();
  if (text.includes(REPLACEMENT) && !isUtf8(buffer)) throw new TypeError('the bytes are not UTF-8');
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/**
 * The bytes to store, or null for nothing.
 *
 * @param name what errors call the content: `payload` or `result`
 * @throws JsonLoss for a value that JSON cannot express, or would change without a word: docs/json.md
 */
export function encodeContent(name: string, content: Content): Uint8Array | null {
  if (content === undefined) return null;
  // A copy: the call is sent later, and until then the caller may fill the buffer with something else, or give it to a thread.
  // Unlike `instanceof`, `isUint8Array` takes no proxy for bytes, which could not be copied.
  if (types.isUint8Array(content)) return Buffer.from(content);
  const text = writeJson(name, content);
  return text === undefined ? null : Buffer.from(text);
}

/** The same for content that a caller gives. @throws TaskCenterError `invalid-value`, which names the part that is at fault */
export function encodeGiven(name: string, content: Content): Uint8Array | null {
  try {
    return encodeContent(name, content);
  } catch (error) {
    if (!(error instanceof JsonLoss)) throw error;
    const instead = `for this one write ${insteadOf(error.found)}`;
    const expected = `bytes as a Uint8Array, or a value that JSON expresses in full; ${instead} (docs/json.md)`;
    throw new TaskCenterError(
      'invalid-value',
      { name: error.path, got: error.found, expected },
      { cause: error },
    );
  }
}

/**
 * The bytes as every broker shows them. On Redis they are a `Buffer`: a program that calls its methods would find none of them
 * on SQLite.
 */
export function plainBytes(bytes: Uint8Array | null): Uint8Array | null {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
}

/** The JSON value of stored bytes, for people who look at them; undefined = there are none, or they are no JSON. */
export function jsonOf(bytes: Uint8Array | null): unknown {
  try {
    return decodeJson(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The JSON value of stored bytes, or `undefined` where there are none.
 *
 * @throws SyntaxError, TypeError when the bytes are not JSON in UTF-8
 */
export function decodeJson(bytes: Uint8Array | null): unknown {
  return bytes === null || bytes.length === 0 ? undefined : (JSON.parse(decodeUtf8(bytes)) as unknown);
}
