import { parseDuration } from '@task-center/engine';

/** What a receiver asks for by `task-center-retry: no|yes|30s`; null = nothing that can be understood. */
export type RetryDirective = { readonly retry: false } | { readonly retry: true; readonly afterMs: number | null };

export function parseRetryDirective(value: string | undefined): RetryDirective | null {
  const text = value?.trim().toLowerCase();
  if (text === 'no') return { retry: false };
  if (text === 'yes') return { retry: true, afterMs: null };
  const afterMs = text === undefined ? null : parseDuration(text);
  return afterMs === null ? null : { retry: true, afterMs };
}

// RFC 9110's three forms of a date begin with the day's name; `Date.parse` alone would take "5.5" or "1".
const HTTP_DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d\d:\d\d:\d\d/i;

/** Ms from `nowMs` that `Retry-After` asks for, as seconds or as a date; null = it is absent or makes no sense. */
export function parseRetryAfterMs(value: string | undefined, nowMs: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  if (!HTTP_DATE.test(text)) return null;
  // asctime names no zone, and means GMT like the others.
  const atMs = Date.parse(/GMT|UTC|[+-]\d{4}$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
