/** What an attempt keeps of its HTTP exchange, in bounded size and without secrets. */
import { withoutUrlSecrets } from '@task-center/model';
import { MAX_EXCERPT_BYTES } from './answer-body.ts';
import type { Answer, Delivered } from './deliver.ts';
import { shownHeaderValue } from './headers.ts';
import type { CallbackRequest } from './request.ts';

/** An exchange in an attempt's record. It is stored with the API's names: `request` and `response` of `Attempt`. */
export interface ExchangeRecord {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Only if it is true. */
    readonly headers_truncated?: boolean;
  };
  /** Null = no answer arrived. */
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** Exactly one of the two is there: text, or base64 of a body that is no UTF-8. */
    readonly body?: string;
    readonly body_base64?: string;
    readonly truncated: boolean;
    /** Only if it is true. */
    readonly headers_truncated?: boolean;
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

/** Headers with secrets hidden, in order, up to the limits. `isCut`: whether some do not fit. */
function shownHeaders(headers: Readonly<Record<string, string>>): {
  readonly shown: Record<string, string>;
  readonly isCut: boolean;
} {
  const shown: [string, string][] = [];
  let remaining = MAX_HEADERS_LENGTH;
  let isCut = false;
  for (const [name, value] of Object.entries(headers)) {
    const whole = shownHeaderValue(name, value);
    const text = whole.slice(0, MAX_VALUE_LENGTH).toWellFormed();
    isCut ||= whole.length > MAX_VALUE_LENGTH;
    remaining -= jsonByteLength({ [name]: text });
    if (remaining < 0) return { shown: Object.fromEntries(shown), isCut: true };
    shown.push([name, text]);
  }
  return { shown: Object.fromEntries(shown), isCut };
}

/** The text of a body, without a character that is cut at its end; null = it is no UTF-8. */
function decodedText(bytes: Uint8Array, isWhole: boolean): string | null {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes, { stream: !isWhole });
  } catch {
    return null;
  }
}

type ShownBody = { readonly body: string } | { readonly body_base64: string };

/**
 * The beginning of a body, at most `maxBytes` as JSON. Escapes make JSON longer than the body: it is shortened until it
 * fits.
 */
function shownBody({ bytes, size, cut }: Answer, maxBytes: number): ShownBody & { truncated: boolean } {
  let length = Math.min(bytes.length, MAX_EXCERPT_BYTES);
  for (; length > 0; length = Math.floor(length * 0.75)) {
    const part = bytes.subarray(0, length);
    const isWhole = cut === null && length === size;
    const body = decodedText(part, isWhole);
    const shown = body === null ? { body_base64: Buffer.from(part).toString('base64') } : { body };
    if (jsonByteLength(Object.values(shown)[0]) <= maxBytes) return { ...shown, truncated: !isWhole };
  }
  return { body: '', truncated: size > 0 || cut !== null };
}

/** The record of an exchange: secrets hidden, at most 16 KiB as JSON. */
export function exchangeRecord(
  { method, url, headers }: CallbackRequest,
  { answer, remoteAddress, connectMs }: Pick<Delivered, 'answer' | 'remoteAddress' | 'connectMs'>,
): ExchangeRecord {
  const sent = shownHeaders(headers);
  const request = {
    method,
    url: withoutUrlSecrets(url).slice(0, MAX_URL_LENGTH),
    headers: sent.shown,
    ...(sent.isCut && { headers_truncated: true }),
  };
  if (!answer) return { request, response: null };
  const received = shownHeaders(answer.headers);
  const response = {
    status: answer.status,
    headers: received.shown,
    ...(received.isCut && { headers_truncated: true }),
    remote_address: remoteAddress,
    connect_ms: connectMs,
    first_byte_ms: answer.firstByteMs,
  };
  const rest = jsonByteLength({ request, response: { ...response, body_base64: '', truncated: false } });
  return { request, response: { ...response, ...shownBody(answer, MAX_LENGTH - rest) } };
}
