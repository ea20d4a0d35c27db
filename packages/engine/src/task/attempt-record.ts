import type { AttemptOutcome } from '@task-center/model';

/** What is stored of the error that ended an attempt. */
export interface AttemptError {
  /** The error's class, such as `TypeError` or, for callbacks, `http_status`. */
  readonly class: string;
  readonly message: string;
  /** HTTP status of the answer (callbacks only). */
  readonly status?: number;
}

/** One attempt as it is stored with its task. Times are wall-clock ms. */
export interface AttemptRecord {
  /** From 1. */
  readonly number: number;
  readonly startedMs: number;
  readonly finishedMs: number;
  /** Time from due (or enqueued) to started, ms. Absent where it is unknown. */
  readonly waitMs?: number;
  readonly outcome: AttemptOutcome;
  /** Start of the next attempt, if one was planned. */
  readonly nextMs?: number;
  /** Why the task was retried or archived, such as `out of retries (3)`. */
  readonly reason?: string;
  readonly error?: AttemptError;
  /** ID of the worker that ran it. */
  readonly worker?: string;
  /** The HTTP request and its response (callbacks only). */
  readonly exchange?: Readonly<Record<string, unknown>>;
}

/** Attempts stored with a task: the first one and the last 49. */
export const MAX_KEPT_ATTEMPTS = 50;

/** Stored keys. They are short because a task may carry 50 records. */
const SHORT_KEYS = {
  number: 'n',
  startedMs: 's',
  finishedMs: 'f',
  waitMs: 'q',
  outcome: 'o',
  nextMs: 'a',
  reason: 'r',
  error: 'e',
  worker: 'w',
  exchange: 'x',
} as const satisfies Record<keyof AttemptRecord, string>;

const FIELDS = Object.entries(SHORT_KEYS) as [keyof AttemptRecord, string][];

/**
 * The record as one line of JSON, without its line feed. Brokers append lines and drop whole lines without decoding
 * them. See docs/design/data-model.md#attempt-records.
 */
export function encodeAttempt(record: AttemptRecord): string {
  const short: Record<string, unknown> = {};
  for (const [field, key] of FIELDS) if (record[field] !== undefined) short[key] = record[field];
  return JSON.stringify(short);
}

function decodeLine(line: string): AttemptRecord[] {
  try {
    const short = JSON.parse(line) as Record<string, unknown>;
    const record: Record<string, unknown> = {};
    for (const [field, key] of FIELDS) if (short[key] !== undefined) record[field] = short[key];
    return record['number'] === undefined ? [] : [record as unknown as AttemptRecord];
  } catch {
    return [];
  }
}

/** The records in stored lines, oldest first. A damaged line is skipped. */
export function decodeAttempts(lines: string | null): AttemptRecord[] {
  return (lines ?? '').split('\n').flatMap((line) => (line === '' ? [] : decodeLine(line)));
}
