/** Headers of callbacks: which ones a submitter may set, how they are shown, how ours are encoded, how others are quoted. */
import { HIDDEN, isSecretName, withoutUrlSecrets } from '@task-center/model';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALID_VALUE = /^[\t\u0020-\u007e]*$/;
// First line: hop-by-hop headers. Second line: headers whose values only the service knows.
const FORBIDDEN = new Set(
  (
    'connection keep-alive te trailer transfer-encoding upgrade ' +
    'host content-length expect via forwarded traceparent tracestate'
  ).split(' '),
);
const FORBIDDEN_PREFIX = /^(?:x-forwarded-|proxy-|webhook-|task-center-)/;

/** Whether this can be the name of a header: RFC 9110, section 5.6.2. */
export const isHeaderName = (name: string): boolean => NAME.test(name);

/**
 * The name by which headers are compared. Many receivers (CGI, WSGI, PHP) turn a name into that of a variable, and there
 * `Webhook_Id` and `webhook.id` become the same as `webhook-id`: names that become one are one.
 */
export const headerKey = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

/** Why a submitter may not set this header; null = it is allowed. */
export function headerFault(name: string, value: string): string | null {
  const key = headerKey(name);
  if (!isHeaderName(name)) return 'its name is not a valid header name';
  if (FORBIDDEN.has(key) || FORBIDDEN_PREFIX.test(key)) return 'this header is set by the service';
  if (!VALID_VALUE.test(value)) return 'its value may have visible ASCII characters, blanks and tabs only';
  return null;
}

/** The value of a header as answers and attempt records show it: without secrets. It may be a URL, such as in `location`. */
export function shownHeaderValue(name: string, value: string): string {
  return isSecretName(name) ? HIDDEN : withoutUrlSecrets(value);
}

/**
 * The value of one of our headers. Everything but visible ASCII is percent-encoded, and so is `%`: decoding restores
 * the value.
 */
export function headerText(value: string): string {
  return value.toWellFormed().replace(/[^\u0020-\u0024\u0026-\u007e]+/g, encodeURIComponent);
}

/** Longest part of a text that is quoted, characters. */
const MAX_QUOTED_LENGTH = 64;

/** A text from outside as it stands in a message: in quotes, with escapes, and cut if it is long. */
export function quoted(text: string): string {
  const start = text.slice(0, MAX_QUOTED_LENGTH).toWellFormed();
  return JSON.stringify(start) + (text.length > MAX_QUOTED_LENGTH ? '…' : '');
}
