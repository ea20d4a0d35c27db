import { shown, TaskCenterError } from '../errors/task-center-error.ts';

/**
 * A length of time such as `'250ms'`, `'10s'`, `'1h30m'`, `'7d'`, or ISO 8601 `'PT10M'`; at most ten years. Bare
 * numbers are refused, because nothing would tell their unit.
 */
export type Duration = string;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PLAIN = /^(?:\d+(?:ms|s|m|h|d))+$/;
const PART = /(\d+)(ms|s|m|h|d)/g;
const ISO = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;
const MAX_TEXT_LENGTH = 64;
/** Ten years, the longest time that any option takes. */
const MAX_DURATION_MS = 3_653 * UNIT_MS.d;

function isoMs(text: string): number | null {
  const found = ISO.exec(text);
  if (!found || text === 'P') return null;
  const [, d = 0, h = 0, m = 0, s = 0] = found;
  return Math.round(
    Number(d) * UNIT_MS.d + Number(h) * UNIT_MS.h + Number(m) * UNIT_MS.m + Number(s) * UNIT_MS.s,
  );
}

/** A duration in ms, or null when the text is not a duration of at most ten years. */
export function parseDuration(text: string): number | null {
  if (text.length > MAX_TEXT_LENGTH) return null;
  let ms: number | null = null;
  if (PLAIN.test(text)) {
    ms = 0;
    for (const [, count, unit] of text.matchAll(PART))
      ms += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  } else {
    ms = isoMs(text);
  }
  return ms !== null && ms <= MAX_DURATION_MS ? ms : null;
}

/**
 * A duration in ms.
 *
 * @param name the option that it was given for, as the error names it
 * @throws TaskCenterError `invalid-value`
 */
export function durationMs(text: Duration, name: string): number {
  const ms = typeof text === 'string' ? parseDuration(text) : null;
  if (ms !== null) return ms;
  const expected = 'a duration of at most ten years such as "250ms", "10s", "1h30m", "7d" or "PT10M"';
  throw new TaskCenterError('invalid-value', { name, got: shown(text), expected });
}

/**
 * A timeout as Asynq's message stores it, in ms: whole seconds, the rest dropped. Less than a second becomes one second
 * and not 0, because 0 would mean no timeout. A negative timeout, which is over at once, stays negative.
 */
export function wholeTimeoutMs(ms: number): number {
  return Math.sign(ms) * Math.max(1, Math.trunc(Math.abs(ms) / 1_000)) * 1_000;
}
