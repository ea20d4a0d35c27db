/** A callback's headers: what a submitter may set, what is shown, how ours are written. */

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\u0020-\u007e]*$/;
// The first line are hop-by-hop headers; the others say what only the service knows.
const FORBIDDEN = new Set(
  (
    'connection keep-alive te trailer transfer-encoding upgrade ' +
    'host content-length expect via forwarded traceparent tracestate'
  ).split(' '),
);
const FORBIDDEN_PREFIX = /^(?:x-forwarded-|proxy-|webhook-|task-center-)/;
const SECRET = /^(?:proxy-)?authorization$|^(?:set-)?cookie$|token|secret|api-key/;

/** Why a submitter cannot set this header on a callback, or null when they can (api 5). */
export function headerFault(name: string, value: string): string | null {
  const lower = name.toLowerCase();
  if (!NAME.test(name)) return 'its name is not a valid header name';
  if (FORBIDDEN.has(lower) || FORBIDDEN_PREFIX.test(lower)) return 'this header is set by the service';
  if (!VALUE.test(value)) return 'its value may have visible ASCII characters, blanks and tabs only';
  return null;
}

/** Whether the header's value is shown as `***`. */
export function isSecretHeader(name: string): boolean {
  return SECRET.test(name.toLowerCase());
}

/** A value of our own headers: what is no visible ASCII, and `%` itself, percent-encoded, so that decoding gives it back. */
export function headerText(value: string): string {
  return value.toWellFormed().replace(/[^\u0020-\u0024\u0026-\u007e]+/g, encodeURIComponent);
}
