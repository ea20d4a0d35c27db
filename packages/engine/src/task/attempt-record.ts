// How the attempts of a task are stored.

import type { AttemptError, AttemptRecord } from '@task-center/model';

/** Attempts stored with a task: the first one and the last 49. */
export const MAX_KEPT_ATTEMPTS = 50;

/** Longest stored text of an error, in characters. */
export const MAX_STORED_ERROR_LENGTH = 8_192;

/** Stored keys. They are short because a task may carry 50 records. */
const ATTEMPT_KEYS = {
  number: 'n',
  startedMs: 's',
  finishedMs: 'f',
  waitMs: 'q',
  outcome: 'o',
  nextMs: 'a',
  reason: 'r',
  error: 'e',
  isResultDropped: 'd',
  worker: 'w',
  exchange: 'x',
  traceparent: 't',
} as const satisfies Record<keyof AttemptRecord, string>;

const ATTEMPT_FIELDS = Object.entries(ATTEMPT_KEYS) as [keyof AttemptRecord, string][];

/** The stack has a place of its own: not every attempt keeps it. */
const errorToStore = (error: AttemptError) => ({ ...error, stack: undefined });

/**
 * The record as one line of JSON, without its line feed. Brokers append lines and drop whole lines without decoding
 * them. See docs/design/data-model.md#attempt-records.
 */
export function encodeAttempt(record: AttemptRecord): string {
  const short: Record<string, unknown> = {};
  for (const [field, key] of ATTEMPT_FIELDS) if (record[field] !== undefined) short[key] = record[field];
  if (record.error?.stack !== undefined) short[ATTEMPT_KEYS.error] = errorToStore(record.error);
  return JSON.stringify(short);
}

/**
 * The encoded record of an attempt that was cancelled, from the one that its worker encoded. There is no next attempt, and no
 * reason for one.
 */
export function cancelledRecord(line: string): string {
  const [record] = decodeLine(line);
  if (!record) return line;
  const { nextMs: _, reason: __, ...kept } = record;
  return encodeAttempt({ ...kept, outcome: 'cancelled' });
}

function decodeLine(line: string): AttemptRecord[] {
  try {
    const short = JSON.parse(line) as Record<string, unknown>;
    const record: Record<string, unknown> = {};
    for (const [field, key] of ATTEMPT_FIELDS) if (short[key] !== undefined) record[field] = short[key];
    return record['number'] === undefined ? [] : [record as unknown as AttemptRecord];
  } catch {
    return [];
  }
}

/** The stack of a failed attempt, with the attempt's number; '' = it has none. Brokers keep the first one and the newest one. */
export const encodeStack = ({ number, error }: AttemptRecord): string =>
  error?.stack === undefined ? '' : `${number};${error.stack}`;

/**
 * The records in stored lines, oldest first, with the stored stacks of those that have one. A damaged line is skipped, and so is a
 * stack without a record.
 */
export function decodeAttempts(
  lines: string | null,
  stacks: readonly (string | null)[] = [],
): AttemptRecord[] {
  const records = (lines ?? '').split('\n').flatMap((line) => (line === '' ? [] : decodeLine(line)));
  for (const text of stacks) {
    const [, number, stack] = /^(\d+);([^]*)$/.exec(text ?? '') ?? [];
    const at = records.findIndex((record) => record.number === Number(number));
    const found = records[at];
    if (found?.error && stack !== undefined) records[at] = { ...found, error: { ...found.error, stack } };
  }
  return records;
}
