/** Where the body of an answer ends, and whether its connection may be used again: RFC 9112, sections 6 and 9. Pure. */
import type { AnswerHead } from './answer-head.ts';
import { quoted } from '../headers.ts';

export type BodyFraming =
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** The body ends with the connection. */
  | { readonly kind: 'close' }
  | { readonly kind: 'unknown'; readonly fault: string };

const NO_BODY: BodyFraming = { kind: 'length', length: 0 };

/** Subtracted from the time for which a receiver says it keeps a connection: the request needs some time to arrive. */
const KEEP_MARGIN_MS = 1_000;

/** The elements of a header that is a list, in lower case. */
const listOf = (value: string | undefined): string[] =>
  (value ?? '')
    .split(',')
    .map((element) => element.trim().toLowerCase())
    .filter((element) => element !== '');

function lengthOf(value: string): BodyFraming {
  const [length = '', ...others] = listOf(value);
  // The same length twice is still one.
  const isValid = /^\d+$/.test(length) && others.every((other) => other === length);
  return isValid
    ? { kind: 'length', length: Number(length) }
    : { kind: 'unknown', fault: `its content-length is not a number: ${quoted(value)}` };
}

/** How the body after a final head is delimited. No request of ours is a HEAD or CONNECT. */
export function bodyFramingOf({ status, headers }: AnswerHead): BodyFraming {
  if (status === 204 || status === 304) return NO_BODY;
  const codings = listOf(headers['transfer-encoding']);
  if (codings.length > 0) return { kind: codings.at(-1) === 'chunked' ? 'chunked' : 'close' };
  const length = headers['content-length'];
  return length === undefined ? { kind: 'close' } : lengthOf(length);
}

/**
 * For how long the connection may wait for its next request after this answer, ms: as long as the receiver says, within
 * `defaultMs` and `maxMs`. 0 = the connection must be closed.
 */
export function keepMsOf(head: AnswerHead, defaultMs: number, maxMs: number): number {
  const { headers, minorVersion } = head;
  const options = listOf(headers['connection']);
  if (options.includes('close') || bodyFramingOf(head).kind === 'close') return 0;
  if (minorVersion === 0 && !options.includes('keep-alive')) return 0;
  // Two answers to where the body ends: nothing that follows can be trusted.
  if (headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined) return 0;
  const [, seconds] = /(?:^|[\s,;])timeout=(\d+)/i.exec(headers['keep-alive'] ?? '') ?? [];
  if (seconds === undefined) return defaultMs;
  return Math.min(maxMs, Math.max(0, Number(seconds) * 1_000 - KEEP_MARGIN_MS));
}
