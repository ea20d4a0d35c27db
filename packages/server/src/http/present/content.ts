import { isUtf8 } from 'node:buffer';
import { limits, RawJson } from '@task-center/api';
import { isJson } from '../json-body.ts';

/** Bytes as an answer shows them; exactly one of the fields is there. */
export type ShownPayload =
  | { readonly payload: RawJson | null }
  | { readonly payload_text: string }
  | { readonly payload_base64: string }
  | { readonly payload: null; readonly payload_truncated: true };

const JSON_TYPE = /^application\/(?:json|[^;\s]+\+json)\s*(?:;|$)/i;

export const TEXT_TYPE = 'text/plain; charset=utf-8';
export const BINARY_TYPE = 'application/octet-stream';

const textOf = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

function formOf(bytes: Uint8Array, type: string | undefined): 'json' | 'text' | 'binary' {
  if ((type === undefined || JSON_TYPE.test(type)) && isJson(bytes)) return 'json';
  return isUtf8(bytes) && type !== BINARY_TYPE ? 'text' : 'binary';
}

/** A payload in the form in which it could be submitted: the same bytes come out. */
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

/** The media type of a payload; what was not said follows from the bytes. */
export function payloadType(bytes: Uint8Array | null, type: string | undefined): string | null {
  if (type !== undefined) return type;
  if (bytes === null) return null;
  return { json: 'application/json', text: TEXT_TYPE, binary: BINARY_TYPE }[formOf(bytes, type)];
}

/** A result: JSON as it stands, text as a string, anything else as base64. */
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
