// Durations of the contract, and the same rules as in the engine. This package may not import the engine, because it
// runs in browsers; a test compares both.

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PLAIN = /^(?:\d+(?:ms|s|m|h|d))+$/;
const PART = /(\d+)(ms|s|m|h|d)/g;
const ISO = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;
const MAX_TEXT_LENGTH = 64;

/** Ten years, the longest duration that any field takes. */
export const MAX_DURATION_MS = 3_653 * UNIT_MS.d;

function plainMs(text: string): number {
  let ms = 0;
  for (const [, count, unit] of text.matchAll(PART))
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

/**
 * Milliseconds of a text such as `250ms`, `10s`, `1h30m`, `7d` or ISO 8601 `PT10M`; null = not one of at most ten
 * years.
 */
export function parseDuration(text: string): number | null {
  if (text.length > MAX_TEXT_LENGTH) return null;
  const ms = PLAIN.test(text) ? plainMs(text) : isoMs(text);
  return ms !== null && ms <= MAX_DURATION_MS ? ms : null;
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
