// Texts that several parts of the contract use: names, IDs, trace context, durations and times. Each is checked here,
// and the message says what is allowed.

import * as z from 'zod';
import {
  fitsBytes,
  formatDuration,
  hasForbiddenCharacter,
  hasInvisibleCharacter,
  hasReservedEnding,
  isComposed,
  isDotSegment,
  MAX_DURATION_MS,
  MAX_LABEL_LENGTH,
  parseDuration,
  RESOURCE_ID_PATTERN,
} from '@task-center/model';
import { limits } from './limits.ts';
import { strict } from './strict.ts';

const MAX_NAME_BYTES = 128;
const MAX_REASON_LENGTH = 256;

/** Narrower than the engine's rule, which takes what Asynq takes. */
function nameFault(name: string): string | null {
  if (name === '') return 'must not be empty';
  // First, because the other checks read the whole text.
  if (!fitsBytes(name, MAX_NAME_BYTES)) return `must have at most ${MAX_NAME_BYTES} bytes`;
  if (name.trim() !== name) return 'must not begin or end with a blank';
  if (!name.isWellFormed()) return 'must be valid Unicode';
  if (hasForbiddenCharacter(name)) return 'must not have braces or control characters';
  return null;
}

function queueFault(name: string): string | null {
  if (isDotSegment(name)) return 'must not be "." or "..", which a URL cannot contain';
  const reserved = 'must not end in "~" and letters or digits, which is reserved';
  return nameFault(name) ?? (hasReservedEnding(name) ? reserved : null);
}

/** Two names that people cannot tell apart would be two queues. In paths and filters they pass: other programs make them. */
function lookalikeFault(name: string): string | null {
  if (hasInvisibleCharacter(name)) return 'must not have invisible characters, such as a zero-width space';
  return isComposed(name)
    ? null
    : 'must be in the Unicode form NFC, which writes a letter and its accent as one';
}

/** A string that `fault` accepts by returning null. Otherwise the text it returns is the message. */
export function checked(fault: (text: string) => string | null, code = 'invalid_value') {
  return z.string().superRefine((text, context) => {
    const message = fault(text);
    if (message !== null) context.addIssue({ code: 'custom', message, params: { code } });
  });
}

/**
 * A text that is decoded to a number once, here. `read` returns the number, or the message of a text that is refused.
 * `about` describes the text, which clients write and OpenAPI shows.
 */
function decodedText(
  read: (text: string) => number | string,
  { write, about }: { readonly write: (value: number) => string; readonly about: z.GlobalMeta },
) {
  return z.codec(z.string().meta(about), z.number(), {
    decode(text, payload) {
      const found = read(text);
      if (typeof found === 'number') return found;
      const params = { code: 'invalid_value' };
      payload.issues.push({ code: 'custom', input: text, message: found, params });
      return z.NEVER;
    },
    encode: write,
  });
}

/**
 * A string that matches `pattern` and not `except`. OpenAPI shows both: generators of clients in Go and Rust know no
 * look-around, so one pattern cannot say it.
 */
function matching(pattern: RegExp, message: string, except?: RegExp) {
  const text = z.string().regex(pattern, { error: message });
  if (except === undefined) return text;
  return text
    .refine((given) => !except.test(given), { error: message })
    .meta({ not: { pattern: except.source } });
}

/** Those that every engine of regular expressions can write. The directional characters are refused, too. */
const FORBIDDEN = '{}\\x00-\\x1f\\x7f-\\x9f';
/** What OpenAPI shows of a name. JSON Schema counts characters: a name of 128 of them may still have too many bytes. */
const NAME = {
  minLength: 1,
  maxLength: MAX_NAME_BYTES,
  pattern: `^[^\\s${FORBIDDEN}](?:[^${FORBIDDEN}]*[^\\s${FORBIDDEN}])?$`,
};

const QUEUE_NAME = {
  ...NAME,
  not: { pattern: '^\\.{1,2}$|~[A-Za-z0-9]+$' },
  description: 'Name of a queue, 1-128 bytes',
  examples: ['orders'],
};

/**
 * Name of a queue: 1 to 128 bytes without braces, control characters, blanks at its ends or a reserved ending; not `.`
 * or `..`.
 */
export const queueName = checked(queueFault).meta(QUEUE_NAME);
/** The same for a submission, which may make the queue: it must not look like another name. */
export const submittedQueueName = checked((name) => queueFault(name) ?? lookalikeFault(name)).meta(
  QUEUE_NAME,
);
export const submittedTypeName = checked((name) => nameFault(name) ?? lookalikeFault(name)).meta({
  ...NAME,
  description: 'Name of a type, 1-128 bytes',
  examples: ['invoice.send'],
});
const hasLength = (text: string, max: number) => text.length <= 2 * max && Array.from(text).length <= max;
const tooLong = (max: number) => ({
  error: `must be at most ${max} characters`,
  params: { code: 'too_long' },
});
/** A reason that people read. Characters are counted as JSON Schema counts them: an emoji is one, not two. */
export const reason = z
  .string()
  .min(1)
  .refine((text) => hasLength(text, MAX_REASON_LENGTH), tooLong(MAX_REASON_LENGTH))
  .meta({ maxLength: MAX_REASON_LENGTH, examples: ['maintenance until noon'] });
/** A list of ETags, or `*` = any version. Weak ones may be sent; `If-Match` never fits them. */
const TAG = '(?:W/)?"[!#-~]*"';
const GAP = '[, \\t]*';
export const CONDITION_PATTERN = `^(?:\\*|${GAP}${TAG}(?:[ \\t]*,${GAP}${TAG})*${GAP})$`;

/** The ID of a schedule or a calendar. */
export const resourceId = matching(
  new RegExp(RESOURCE_ID_PATTERN),
  'must be 1-64 of a-z 0-9 _ -, beginning with a letter or digit',
);
/** The path parameter of a resource that callers name. */
export const byId = strict({ id: resourceId });
/** A name for people. Characters are counted as JSON Schema counts them. */
export const label = z
  .string()
  .min(1)
  .refine((text) => hasLength(text, MAX_LABEL_LENGTH), tooLong(MAX_LABEL_LENGTH))
  .refine((text) => text.trim() !== '', { error: 'must not be blank' })
  .meta({ maxLength: MAX_LABEL_LENGTH, pattern: '\\S' });
export const taskId = matching(/^[A-Za-z0-9_:-]{1,100}$/, 'must be 1-100 of A-Z a-z 0-9 _ : -').meta({
  examples: ['invoice-4711'],
});
export const businessId = matching(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1-64 of A-Z a-z 0-9 _ -');
export const userId = matching(/^[!-~]{1,128}$/, 'must be 1-128 visible ASCII characters');
export const tag = matching(/^[A-Za-z0-9_.:=-]{1,64}$/, 'must be 1-64 of A-Z a-z 0-9 _ . : = -');
export const traceId = matching(/^[0-9a-f]{32}$/, 'must be 32 hexadecimal digits, not all 0', /^0+$/);
export const traceparent = matching(
  /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/,
  'must be a W3C traceparent: 00-<32 hex>-<16 hex>-<2 hex>',
  /^00-0{32}-|-0{16}-/,
);
export const tracestate = matching(/^[ -~]{1,512}$/, 'must be a W3C tracestate');
export const mediaType = matching(
  /^[A-Za-z0-9!#$&^_.+-]{1,64}\/[A-Za-z0-9!#$&^_.+-]{1,64}(?:; ?[ -~]{1,100})?$/,
  'must be a media type such as application/json',
);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_BASE64_LENGTH = Math.ceil(limits.payloadBytes / 3) * 4;
/**
 * A payload in base64. A text that is too long for one passes: the service refuses it as `too-large`. The pattern never sees
 * it, because a text of some megabytes would be too much for the stack.
 */
export const base64 = checked((text) =>
  text.length <= MAX_BASE64_LENGTH && !BASE64.test(text) ? 'must be base64 with its padding' : null,
).meta({ pattern: BASE64.source });

const ISO_SECONDS = '[0-9]+(?:\\.[0-9]{1,3})?S';
const ISO_TIME = `(?:[0-9]+H(?:[0-9]+M)?(?:${ISO_SECONDS})?|[0-9]+M(?:${ISO_SECONDS})?|${ISO_SECONDS})`;
/** What OpenAPI shows of a duration. Its range cannot be said in JSON Schema: descriptions name it. */
const DURATION = {
  pattern: `^(?:(?:[0-9]+(?:ms|s|m|h|d))+|P(?:[0-9]+D(?:T${ISO_TIME})?|T${ISO_TIME}))$`,
  maxLength: 64,
  description: 'A duration such as 250ms, 10s, 1h30m, 7d, PT10M',
  examples: ['10s'],
};

/** What is wrong with the text of a duration whose parsed value is `ms`; null = nothing. */
function durationFault(ms: number | null, minMs: number, maxMs: number): string | null {
  if (ms === null) return 'must be a duration such as "250ms", "10s", "1h30m", "7d" or "PT10M"';
  return ms < minMs || ms > maxMs ? `must be ${formatDuration(minMs)} to ${formatDuration(maxMs)}` : null;
}

/** A duration from `minMs` to `maxMs` that is kept as its text. */
export const durationText = (minMs: number, maxMs: number) =>
  checked((text) => durationFault(parseDuration(text), minMs, maxMs)).meta(DURATION);

/** A duration from `minMs` to `maxMs`, decoded to ms. */
export function duration(minMs: number, maxMs: number, description = DURATION.description) {
  const read = (text: string) => {
    const ms = parseDuration(text);
    return durationFault(ms, minMs, maxMs) ?? (ms as number);
  };
  return decodedText(read, { write: formatDuration, about: { ...DURATION, description } });
}

const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const MIN_TIME_MS = Date.UTC(2000);

/** Whether the day exists: `Date` would turn 31 April into 1 May. */
function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** Wall-clock ms of an RFC 3339 time with any offset, rounded up to a ms; null = the text is not such a time. */
function instantMs(text: string): number | null {
  const found = INSTANT.exec(text);
  if (!found) return null;
  const [, year, month, day, hour, minute, second] = found.map(Number);
  if (!isDate(year ?? 0, month ?? 0, day ?? 0)) return null;
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return null;
  const ms = Date.parse(text.toUpperCase());
  // The parser drops digits below a ms. Rounding up instead keeps a task from starting early.
  return /\.\d{3}\d*[1-9]/.test(text) ? ms + 1 : ms;
}

function readInstant(text: string): number | string {
  const ms = instantMs(text);
  if (ms === null) return 'must be an RFC 3339 time such as 2026-11-24T08:00:00.125Z';
  if (ms < MIN_TIME_MS || ms > Date.now() + MAX_DURATION_MS)
    return 'must lie between 2000 and ten years from now';
  return ms;
}

/** A time in an answer: RFC 3339, UTC, with ms. */
export const time = z.string().meta({ format: 'date-time' });
export const timeText = (ms: number): string => new Date(ms).toISOString();

/** What OpenAPI says of a time. */
const aboutInstant = (description: string) => ({
  format: 'date-time',
  description,
  examples: ['2026-11-24T08:00:00.125Z'],
});

/** A time between the year 2000 and ten years from now, decoded to wall-clock ms. RFC 3339 in any offset. */
export const instant = (description: string) =>
  decodedText(readInstant, { write: timeText, about: aboutInstant(description) });

/** A time in a query. OpenAPI shows parameters as they are decoded, but callers send a text. */
export const instantParameter = (description: string) =>
  instant(description).pipe(z.number().meta({ type: 'string', ...aboutInstant(description) }));
