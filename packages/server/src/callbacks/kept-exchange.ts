/** What an attempt keeps of its HTTP exchange, in bounded size and without secrets. */
import { MAX_EXCERPT_BYTES, type ReadBody } from './answer-body.ts';
import type { Delivered } from './deliver.ts';
import { isSecretHeader } from './headers.ts';
import type { CallbackRequest } from './request.ts';

/** An exchange in an attempt's record. It is stored with the API's names: `request` and `response` of `Attempt`. */
export interface ExchangeRecord {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** Null = no answer arrived. */
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly truncated: boolean;
    readonly remote_address: string | null;
    readonly connect_ms: number | null;
    readonly first_byte_ms: number;
  } | null;
}

/** Limits in bytes of JSON: of the whole record, and of the headers of each side. */
const MAX_LENGTH = 16_384;
const MAX_HEADERS_LENGTH = 2_560;
const MAX_VALUE_LENGTH = 512;
const MAX_URL_LENGTH = 2_048;

const jsonByteLength = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/** Headers with secrets hidden, in order, up to the limit. */
function shownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const shown: Record<string, string> = {};
  let remaining = MAX_HEADERS_LENGTH;
  for (const [name, value] of Object.entries(headers)) {
    const text = isSecretHeader(name) ? '***' : value.slice(0, MAX_VALUE_LENGTH).toWellFormed();
    remaining -= jsonByteLength({ [name]: text });
    if (remaining < 0) break;
    shown[name] = text;
  }
  return shown;
}

/**
 * The beginning of a body as text, at most `maxBytes` as JSON. Escapes make JSON longer than the body: it is shortened until
 * it fits. A character that is cut in the middle is left out.
 */
function shownBody({ bytes, size }: ReadBody, maxBytes: number): { body: string; truncated: boolean } {
  let length = Math.min(bytes.length, MAX_EXCERPT_BYTES);
  for (; length > 0; length = Math.floor(length * 0.75)) {
    const stream = length < size;
    const body = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, length), { stream });
    if (jsonByteLength(body) <= maxBytes) return { body, truncated: length < size };
  }
  return { body: '', truncated: size > 0 };
}

/** The record of an exchange: secrets hidden, at most 16 KiB as JSON. */
export function exchangeRecord(
  { method, url, headers }: CallbackRequest,
  { answer, remoteAddress, connectMs }: Delivered,
): ExchangeRecord {
  const request = { method, url: url.slice(0, MAX_URL_LENGTH), headers: shownHeaders(headers) };
  if (!answer) return { request, response: null };
  const response = {
    status: answer.status,
    headers: shownHeaders(answer.headers),
    body: '',
    truncated: false,
    remote_address: remoteAddress,
    connect_ms: connectMs,
    first_byte_ms: answer.firstByteMs,
  };
  const shown = shownBody(answer, MAX_LENGTH - jsonByteLength({ request, response }) - 1);
  return { request, response: { ...response, body: shown.body, truncated: shown.truncated || answer.cut } };
}
