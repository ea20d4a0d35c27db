/** Shows stored bytes in an answer: as JSON, as text or in base64. */
import { isUtf8 } from 'node:buffer';
import { limits, RawJson } from '@task-center/api';
import { isJson } from './json-body.ts';
import { BINARY_TYPE, isJsonType, JSON_TYPE, TEXT_TYPE } from '../media-types.ts';

/** A payload in an answer: exactly one of the fields, `payload`, `payload_text` or `payload_base64`. */
export type ShownPayload =
  | { readonly payload: RawJson | null }
  | { readonly payload_text: string }
  | { readonly payload_base64: string }
  | { readonly payload: null; readonly payload_truncated: true };

const textOf = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

/** Text that is not marked as JSON is never shown as JSON: it would come back changed. */
function formOf(bytes: Uint8Array, type: string | undefined): 'json' | 'text' | 'binary' {
  if ((type === undefined || isJsonType(type)) && isJson(bytes)) return 'json';
  return isUtf8(bytes) && type !== BINARY_TYPE ? 'text' : 'binary';
}

/**
 * A payload in the form in which it can be submitted again with the same bytes. Left out over
 * `limits.shownPayloadBytes`.
 */
export function shownPayload(bytes: Uint8Array | null, type: string | undefined): ShownPayload {
  if (bytes === null) return { payload: null };
  if (bytes.length > limits.shownPayloadBytes) return { payload: null, payload_truncated: true };
  switch (formOf(bytes, type)) {
    case 'json':
      return { payload: new RawJson(textOf(bytes)) };
    case 'text':
      return { payload_text: textOf(bytes) };
    case 'binary':
      return { payload_base64: Buffer.from(bytes).toString('base64') };
  }
}

/** The media type of a payload: the given one, else guessed from the bytes; null = no payload. */
export function payloadType(bytes: Uint8Array | null, type: string | undefined): string | null {
  if (type !== undefined) return type;
  if (bytes === null) return null;
  return { json: JSON_TYPE, text: TEXT_TYPE, binary: BINARY_TYPE }[formOf(bytes, type)];
}

/** A result: JSON byte for byte, text as a string, everything else in base64. */
export function shownResult(bytes: Uint8Array | null): Record<string, unknown> {
  if (bytes === null) return { result: null, result_content_type: null };
  const form = formOf(bytes, undefined);
  const type = payloadType(bytes, undefined);
  if (bytes.length > limits.shownPayloadBytes)
    return { result: null, result_content_type: type, result_truncated: true };
  if (form === 'json') return { result: new RawJson(textOf(bytes)), result_content_type: type };
  const text = form === 'text' ? textOf(bytes) : Buffer.from(bytes).toString('base64');
  return { result: text, result_content_type: type };
}
