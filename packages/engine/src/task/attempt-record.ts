/** What is kept of an attempt's error. */
export interface AttemptError {
  readonly class: string;
  readonly message: string;
  readonly status?: number;
}

/** How a kept attempt ended. */
export type KeptOutcome = 'succeeded' | 'failed' | 'lost';

/** One attempt as it is kept with its task. Times: wall-clock ms. */
export interface AttemptRecord {
  /** From 1. */
  readonly number: number;
  readonly startedMs: number;
  readonly finishedMs: number;
  /** From due (or enqueued) to started, ms; absent where unknown. */
  readonly waitMs?: number;
  readonly outcome: KeptOutcome;
  /** Start of the next attempt, if one was planned. */
  readonly nextMs?: number;
  /** Why it was decided so. */
  readonly reason?: string;
  readonly error?: AttemptError;
  readonly worker?: string;
  /** What was sent and answered (callbacks). */
  readonly exchange?: Readonly<Record<string, unknown>>;
}

/** Attempts kept with a task: the first and the last 49. */
export const KEPT_ATTEMPTS = 50;

const SHORT = {
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

const FIELDS = Object.entries(SHORT) as [keyof AttemptRecord, string][];

/** One line of JSON without its line feed: brokers append lines and cut by whole lines, never decoding them. */
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

/** The attempts in stored lines, oldest first; a damaged line is left out. */
export function decodeAttempts(lines: string | null): AttemptRecord[] {
  return (lines ?? '').split('\n').flatMap((line) => (line === '' ? [] : decodeLine(line)));
}
