import { encodeAttempt, KEPT_ATTEMPTS, type AttemptRecord } from '../../../../task/attempt-record.ts';
import type { Database } from '../database.ts';

/** A task's kept attempts: the first and the last 49. */
export interface Attempts {
  /** Keeps the record of attempt `n`, the task's newest. */
  keep(seq: number, n: number, record: string): void;
  /** The record of an attempt that went down with its worker. */
  keepLost(seq: number, lost: Lost): void;
  /** Oldest first. */
  list(seq: number): string[];
  remove(seq: number): void;
}

export type Lost = Pick<AttemptRecord, 'number' | 'startedMs' | 'finishedMs'> & {
  readonly worker: string | null;
};

export function createAttempts(database: Database): Attempts {
  const insert = database.prepare('INSERT OR REPLACE INTO attempt (seq, n, record) VALUES (?, ?, ?)');
  const trim = database.prepare('DELETE FROM attempt WHERE seq = ? AND n > 1 AND n <= ?');
  const select = database.prepare('SELECT record FROM attempt WHERE seq = ? ORDER BY n');
  const remove = database.prepare('DELETE FROM attempt WHERE seq = ?');

  function keep(seq: number, n: number, record: string): void {
    insert.run(seq, n, record);
    if (n > KEPT_ATTEMPTS) trim.run(seq, n - (KEPT_ATTEMPTS - 1));
  }

  return {
    keep,
    keepLost(seq, { worker, ...times }) {
      const record: AttemptRecord = { ...times, outcome: 'lost', ...(worker === null ? {} : { worker }) };
      keep(seq, times.number, encodeAttempt(record));
    },
    list: (seq) => select.all(seq).map(([record]) => String(record)),
    remove(seq) {
      remove.run(seq);
    },
  };
}
