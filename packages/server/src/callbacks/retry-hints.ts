/** Reads what an answer's headers say about retries. Pure. */
import { clampDuration } from '@task-center/model';
import { quoted } from './headers.ts';

/** What a header asks for. `problem`: why it has no effect, with its text; null = it was understood. */
export type Hint<T> =
  { readonly value: T; readonly problem: null } | { readonly value: null; readonly problem: string | null };

/** A receiver's `task-center-retry: no|yes|<duration>`. `afterMs`: delay in ms; null = the usual one. */
export type RetryDirective =
  { readonly retry: false } | { readonly retry: true; readonly afterMs: number | null };

/** Longest delay that a receiver can ask for; longer ones count as this one. */
const MAX_HINT_MS = 86_400_000;

const ABSENT = { value: null, problem: null } as const;

function misunderstood(header: string, text: string, expected: string): Hint<never> {
  return { value: null, problem: `${header} not understood: ${quoted(text)} is not ${expected}` };
}

/** The value of `task-center-retry`. */
export function readRetryDirective(header: string | undefined): Hint<RetryDirective> {
  if (header === undefined) return ABSENT;
  const text = header.trim().toLowerCase();
  if (text === 'no') return { value: { retry: false }, problem: null };
  if (text === 'yes') return { value: { retry: true, afterMs: null }, problem: null };
  // ISO 8601 has capitals.
  const afterMs = clampDuration(text, MAX_HINT_MS) ?? clampDuration(text.toUpperCase(), MAX_HINT_MS);
  if (afterMs !== null) return { value: { retry: true, afterMs }, problem: null };
  return misunderstood('task-center-retry', header, 'no, yes or a duration such as 30s');
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
 * The delay in ms of `Retry-After`, given in seconds or as a date.
 *
 * @param sentMs when the answer was sent, by the receiver's clock: a date is meant by that clock, and ours may be wrong
 */
export function readRetryAfter(header: string | undefined, sentMs: number): Hint<number> {
  if (header === undefined) return ABSENT;
  const text = header.trim();
  if (/^\d+$/.test(text)) return { value: Math.min(MAX_HINT_MS, Number(text) * 1_000), problem: null };
  const atMs = parseHttpDateMs(text);
  if (atMs === null) return misunderstood('retry-after', header, 'a number of seconds or an HTTP date');
  return { value: Math.min(MAX_HINT_MS, Math.max(0, atMs - sentMs)), problem: null };
}
