/** The media types that the service tells apart or sends. */

/** Payloads, results and answers, unless something else is said. */
export const JSON_TYPE = 'application/json';
/** Error answers (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';
/** A payload that was submitted as text. */
export const TEXT_TYPE = 'text/plain; charset=utf-8';
/** A payload that was submitted in base64. */
export const BINARY_TYPE = 'application/octet-stream';

/** RFC 6839: a format that is written in JSON may say so by the ending `+json`. */
const ANY_JSON = /^application\/(?:json|[^;\s]+\+json)\s*(?:;|$)/i;
const JSON_IN_UTF8 = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/** Whether content of this type is JSON: `application/json`, or a format such as `application/ld+json`. */
export function isJsonType(type: string): boolean {
  return ANY_JSON.test(type);
}

/** Whether a request with this `Content-Type` has a body that the API takes: `application/json` alone, in UTF-8. */
export function isBodyType(type: string): boolean {
  return JSON_IN_UTF8.test(type);
}
