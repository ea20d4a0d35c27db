// The attempt records of tasks. Runs in the writer thread.
import type { AttemptRecord } from '@task-center/model';
import { encodeAttempt, MAX_KEPT_ATTEMPTS } from '../../../../task/attempt-record.ts';
import type { Database } from '../database.ts';

/** Attempt records by task, which `seq` names. Of each task the first and the last 49 are kept. */
export interface Attempts {
  /** Keeps the record of a task's newest attempt. */
  keep(seq: number, number: number, record: string): void;
  /** Keeps a record of an attempt that was lost with its worker. */
  keepLost(seq: number, lost: LostAttempt): void;
  /** The encoded records, oldest first. */
  list(seq: number): string[];
  remove(seq: number): void;
}

export type LostAttempt = Pick<AttemptRecord, 'number' | 'startedMs' | 'finishedMs'> & {
  readonly worker: string | null;
};

export function createAttempts(database: Database): Attempts {
  const insert = database.prepare('INSERT OR REPLACE INTO attempt (seq, n, record) VALUES (?, ?, ?)');
  const trim = database.prepare('DELETE FROM attempt WHERE seq = ? AND n > 1 AND n <= ?');
  const select = database.prepare('SELECT record FROM attempt WHERE seq = ? ORDER BY n');
  const remove = database.prepare('DELETE FROM attempt WHERE seq = ?');

  function keep(seq: number, number: number, record: string): void {
    insert.run(seq, number, record);
    if (number > MAX_KEPT_ATTEMPTS) trim.run(seq, number - (MAX_KEPT_ATTEMPTS - 1));
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
