/** A part of a duration's text: a whole number and its unit. */
type Part = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/**
 * A length of time as a text: `'250ms'`, `'10s'`, `'1h30m'`, `'7d'`, or ISO 8601 `'PT10M'`; at most ten years. The compiler
 * knows texts of up to three parts. For longer ones, and for a text in a variable, there is `duration(text)`.
 */
export type DurationText = Part | `${Part}${Part}` | `${Part}${Part}${Part}` | `P${string}`;

/** A length of time: whole milliseconds, or a text such as `'10s'`. At most ten years. */
export type Duration = number | DurationText;

export const SECOND_MS = 1_000;
export const DAY_MS = 86_400_000;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS } as const;
const PLAIN = /^(?:\d+(?:ms|s|m|h|d))+$/;
const PLAIN_PART = /(\d+)(ms|s|m|h|d)/g;
const ISO = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;
const MAX_TEXT_LENGTH = 64;
/** Ten years: the longest duration, and the furthest time ahead, that anything takes. */
export const MAX_DURATION_MS = 3_653 * DAY_MS;

function plainMs(text: string): number {
  let ms = 0;
  for (const [, count, unit] of text.matchAll(PLAIN_PART))
    ms += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return ms;
}

function isoMs(text: string): number | null {
  const found = ISO.exec(text);
  if (!found || text === 'P') return null;
  const [, d = 0, h = 0, m = 0, s = 0] = found;
  return Math.round(
    Number(d) * UNIT_MS.d + Number(h) * UNIT_MS.h + Number(m) * UNIT_MS.m + Number(s) * UNIT_MS.s,
  );
}

/** A duration in ms, however long; null = the text is not a duration. */
function anyMs(text: string): number | null {
  return PLAIN.test(text) ? plainMs(text) : isoMs(text);
}

/** A duration in ms, or null when the text is not a duration of at most ten years. */
export function parseDuration(text: string): number | null {
  const ms = typeof text !== 'string' || text.length > MAX_TEXT_LENGTH ? null : anyMs(text);
  return ms !== null && ms <= MAX_DURATION_MS ? ms : null;
}

/** A duration in ms, at most `maxMs`: longer ones count as that. Null when the text is not a duration. */
export function clampDuration(text: string, maxMs: number): number | null {
  const ms = anyMs(text);
  return ms === null ? null : Math.min(ms, maxMs);
}

/** The shortest text of a duration in whole ms, such as `1h30m`; `0s` for 0. */
export function formatDuration(ms: number): string {
  let remainingMs = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(remainingMs / UNIT_MS[unit]);
    remainingMs -= count * UNIT_MS[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}
