/** Reads what an answer's headers say about retries. Pure. */
import { parseDuration } from '@task-center/engine';

/** A receiver's `task-center-retry: no|yes|<duration>`. `afterMs`: delay in ms; null = the usual one. */
export type RetryDirective =
  { readonly retry: false } | { readonly retry: true; readonly afterMs: number | null };

/** Null = the header is absent or not understood. */
export function parseRetryDirective(value: string | undefined): RetryDirective | null {
  const text = value?.trim().toLowerCase();
  if (text === 'no') return { retry: false };
  if (text === 'yes') return { retry: true, afterMs: null };
  const afterMs = text === undefined ? null : parseDuration(text);
  return afterMs === null ? null : { retry: true, afterMs };
}

// The three date forms of RFC 9110 begin with a day's name. `Date.parse` alone would accept "5.5" or "1".
const HTTP_DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d\d:\d\d:\d\d/i;

/** The time of a header such as `Date`, ms since 1970; null = the header is absent or invalid. */
export function parseHttpDateMs(value: string | undefined): number | null {
  const text = value?.trim() ?? '';
  if (!HTTP_DATE.test(text)) return null;
  // The asctime form has no time zone; it means GMT, too.
  const atMs = Date.parse(/GMT|UTC|[+-]\d{4}$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(atMs) ? null : atMs;
}

/**
 * The delay in ms of `Retry-After`, given in seconds or as a date; null = the header is absent or invalid.
 *
 * @param sentMs when the answer was sent, by the receiver's clock: a date is meant by that clock, and ours may be wrong
 */
export function parseRetryAfterMs(value: string | undefined, sentMs: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = parseHttpDateMs(text);
  return atMs === null ? null : Math.max(0, atMs - sentMs);
}
