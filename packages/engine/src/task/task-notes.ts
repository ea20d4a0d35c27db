// What a handler tells of its task while it runs: how far it is, and lines for people. How these are stored.
import { hide } from '../runtime/json-log.ts';
import type { LogFields, LogLevel } from '../runtime/log.ts';

/** How far a task is, as its handler said last. */
export interface TaskProgress {
  /** From 0 to 100. */
  readonly percent: number;
  readonly message: string | null;
  /** Wall-clock ms of the worker. */
  readonly atMs: number;
}

/** A log line that is kept with its task. */
export interface KeptLine {
  /** Wall-clock ms of the worker. */
  readonly atMs: number;
  readonly level: LogLevel;
  readonly message: string;
  /** The attempt that logged it, from 1. */
  readonly attempt: number;
  /** What the handler gave with it. */
  readonly fields: LogFields;
}

/** The newest log lines of a task. */
export interface TaskLog {
  /** Oldest first. */
  readonly lines: readonly KeptLine[];
  /** Lines that came before them and are not kept any more. */
  readonly dropped: number;
}

/** What is kept of a task's log: the newest lines within both bounds. */
export const MAX_KEPT_LINES = 1_000;
export const MAX_KEPT_LOG_BYTES = 256 * 1_024;
/** Longest text of a line, and of its fields as JSON, in characters. */
const MAX_LINE_TEXT = 8_192;

const cut = (text: string): string => text.slice(0, MAX_LINE_TEXT).toWellFormed();

/** URLs lose their passwords and secret parameters, as in the log itself. */
const keptText = (text: string): string => cut(hide(text));

/** Errors as people want to see them. JSON has nothing of them, and refuses a BigInt. */
function jsonValue(_: string, value: unknown): unknown {
  if (value instanceof Error) return { class: value.name, message: keptText(value.message) };
  if (typeof value === 'string') return keptText(value);
  return typeof value === 'bigint' ? `${value}` : value;
}

/** Fields that cannot be kept are replaced by a remark. */
function copyFields(fields: LogFields): unknown {
  try {
    const text = JSON.stringify(fields, jsonValue);
    if (text === '{}') return undefined;
    if (text.length <= MAX_LINE_TEXT) return JSON.parse(text) as unknown;
    return { left_out: `fields of ${text.length} characters (limit ${MAX_LINE_TEXT})` };
  } catch {
    return { left_out: 'fields that JSON cannot represent' };
  }
}

/** The keys are short because a task may have 1,000 lines. */
interface StoredLine {
  readonly t: number;
  readonly l: LogLevel;
  readonly m: string;
  readonly n: number;
  readonly f?: LogFields;
}

/** A line as it is stored: JSON without a line feed. */
export function encodeLine({ atMs, level, message, attempt, fields }: KeptLine): string {
  return JSON.stringify({ t: atMs, l: level, m: keptText(message), n: attempt, f: copyFields(fields) });
}

/** Those of the encoded lines that would be kept, and how many come before them. */
export function newestLines(lines: readonly string[]): { lines: readonly string[]; skipped: number } {
  let first = lines.length;
  for (let bytes = 0; first > 0 && lines.length - first < MAX_KEPT_LINES; first -= 1) {
    bytes += Buffer.byteLength(lines[first - 1]!) + 1;
    if (bytes > MAX_KEPT_LOG_BYTES) break;
  }
  return { lines: first === 0 ? lines : lines.slice(first), skipped: first };
}

/** The lines that are stored, oldest first. A damaged one is skipped. */
export function decodeLines(lines: readonly string[]): KeptLine[] {
  return lines.flatMap((line) => {
    try {
      const { t, l, m, n, f } = JSON.parse(line) as StoredLine;
      return [{ atMs: t, level: l, message: m, attempt: n, fields: f ?? {} }];
    } catch {
      return [];
    }
  });
}

export function encodeProgress({ percent, message, atMs }: TaskProgress): string {
  return JSON.stringify({ p: percent, ...(message !== null && { m: cut(message) }), t: atMs });
}

/** Null = there is none, or it is damaged. */
export function decodeProgress(text: string | null): TaskProgress | null {
  try {
    const { p, m = null, t } = JSON.parse(text ?? '') as { p: number; m?: string | null; t: number };
    return { percent: p, message: m, atMs: t };
  } catch {
    return null;
  }
}
