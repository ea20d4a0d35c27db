import { isUtf8 } from 'node:buffer';

/** What a payload or a result may be: bytes are kept as they are, anything else becomes JSON, `undefined` nothing. */
export type Content = unknown;

const BYTE_ORDER_MARK = '\ufeff';
/** Stands where bytes were no UTF-8; or was meant. */
const REPLACED = '\ufffd';

/** As `TextDecoder` with `fatal`, which takes several times as long for a short text. @throws TypeError */
function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString();
  if (text.includes(REPLACED) && !isUtf8(buffer)) throw new TypeError('the bytes are no UTF-8');
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** The bytes to store; null = nothing. */
export function encodeContent(content: Content): Uint8Array | null {
  if (content === undefined) return null;
  if (content instanceof Uint8Array) return content;
  const text = JSON.stringify(content) as string | undefined;
  return text === undefined ? null : Buffer.from(text);
}

/**
 * The JSON value in stored bytes; `undefined` where there are none.
 *
 * @throws SyntaxError, TypeError when the bytes are no JSON in UTF-8.
 */
export function decodeJson(bytes: Uint8Array | null): unknown {
  return bytes === null || bytes.length === 0 ? undefined : (JSON.parse(decodeText(bytes)) as unknown);
}
