/**
 * What is stored with a task beyond Asynq's message. It is written once, at submission. Both brokers store the same
 * text: a version digit and JSON with short keys. See docs/design/data-model.md#task-meta.
 */
export interface TaskMeta {
  /** Time of the submission, wall-clock ms. */
  readonly createdMs?: number;
  /** The business that owns the task. It separates the IDs and the unique locks of businesses. */
  readonly business?: string;
  /** Labels from the HTTP API. */
  readonly tags?: readonly string[];
  /** The way it was submitted: `api`, `client` or `schedule`. */
  readonly origin?: string;
  /** ID of the API key that submitted it. */
  readonly createdBy?: string;
  /** Media type of the payload. */
  readonly contentType?: string;
  /** Timeout of an attempt in ms, where the message's whole seconds cannot express it. */
  readonly timeoutMs?: number;
  /** The task's own `Backoff`, unchecked: stored data may be damaged. */
  readonly backoff?: unknown;
  /** Stored name of the schedule that it is a run of. */
  readonly schedule?: string;
  /** The logical time of that run, wall-clock ms. */
  readonly fireMs?: number;
  /** Which of the tasks of that run it is: its index, from 0, and their number. Left out = the only one. */
  readonly shard?: readonly [index: number, total: number];
  /** How to deliver a callback. The engine does not read it. */
  readonly callback?: unknown;
}

/** Stored keys, short because every task carries them. */
const META_KEYS = {
  createdMs: 'c',
  business: 'b',
  tags: 'g',
  origin: 'o',
  createdBy: 'k',
  contentType: 'm',
  timeoutMs: 't',
  backoff: 'r',
  schedule: 's',
  fireMs: 'f',
  shard: 'h',
  callback: 'u',
} as const satisfies Record<keyof TaskMeta, string>;

const META_FIELDS = Object.entries(META_KEYS) as [keyof TaskMeta, string][];
const VERSION = '1';
/** The meta of a task without any. */
export const NO_META: TaskMeta = Object.freeze({});

/** The stored text, or null when there is nothing to store. */
export function encodeMeta(meta: TaskMeta): string | null {
  if (meta === NO_META) return null;
  const short: Record<string, unknown> = {};
  let empty = true;
  for (const [field, key] of META_FIELDS) {
    if (meta[field] === undefined) continue;
    short[key] = meta[field];
    empty = false;
  }
  return empty ? null : VERSION + JSON.stringify(short);
}

/**
 * The meta of a stored text. It is empty where the text is absent, damaged or of another version: the task runs anyway.
 */
export function decodeMeta(text: string | null): TaskMeta {
  if (text === null || !text.startsWith(VERSION)) return NO_META;
  try {
    const short = JSON.parse(text.slice(VERSION.length)) as Record<string, unknown>;
    const meta: Record<string, unknown> = {};
    for (const [field, key] of META_FIELDS) if (short[key] !== undefined) meta[field] = short[key];
    return meta;
  } catch {
    return {};
  }
}
