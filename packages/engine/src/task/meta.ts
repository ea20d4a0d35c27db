/**
 * What we keep with a task beyond Asynq's message; written once, at submission. Data only, so that both
 * brokers store the same text: a version digit and JSON with short keys (data model, forms).
 */
export interface TaskMeta {
  /** Submission, wall-clock ms. */
  readonly createdMs?: number;
  /** The business that owns the task; part of every key space. */
  readonly business?: string;
  readonly tags?: readonly string[];
  /** Who submitted: `api`, `client`. */
  readonly origin?: string;
  /** ID of the API key that submitted. */
  readonly createdBy?: string;
  /** Media type of the payload. */
  readonly contentType?: string;
  /** Timeout of an attempt in ms where it is no whole number of seconds. */
  readonly timeoutMs?: number;
  /** The task's own backoff, a `Backoff` as data. */
  readonly backoff?: unknown;
  /** How to deliver a callback; the engine does not look inside. */
  readonly callback?: unknown;
}

const SHORT = {
  createdMs: 'c',
  business: 'b',
  tags: 'g',
  origin: 'o',
  createdBy: 'k',
  contentType: 'm',
  timeoutMs: 't',
  backoff: 'r',
  callback: 'u',
} as const satisfies Record<keyof TaskMeta, string>;

const FIELDS = Object.entries(SHORT) as [keyof TaskMeta, string][];
const VERSION = '1';
/** Nothing to keep. */
export const NO_META: TaskMeta = Object.freeze({});

/** The stored text, or null when there is nothing to store. */
export function encodeMeta(meta: TaskMeta): string | null {
  if (meta === NO_META) return null;
  const short: Record<string, unknown> = {};
  let empty = true;
  for (const [field, key] of FIELDS) {
    if (meta[field] === undefined) continue;
    short[key] = meta[field];
    empty = false;
  }
  return empty ? null : VERSION + JSON.stringify(short);
}

/** The meta in a stored text; empty where it is absent, of another version or damaged: a task runs all the same. */
export function decodeMeta(text: string | null): TaskMeta {
  if (text === null || !text.startsWith(VERSION)) return NO_META;
  try {
    const short = JSON.parse(text.slice(VERSION.length)) as Record<string, unknown>;
    const meta: Record<string, unknown> = {};
    for (const [field, key] of FIELDS) if (short[key] !== undefined) meta[field] = short[key];
    return meta;
  } catch {
    return {};
  }
}
