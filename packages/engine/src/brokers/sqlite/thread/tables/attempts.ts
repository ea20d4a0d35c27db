// The attempt records of tasks. Runs in the writer thread.
import { MAX_KEPT_ATTEMPTS } from '../../../../task/attempt-record.ts';
import type { Database } from '../database.ts';

/** Attempt records by task, which `seq` names. Of each task the first and the last 49 are kept. */
export interface Attempts {
  /** Keeps the encoded record of a task's newest attempt. */
  keep(seq: number, number: number, record: string): void;
  /** The encoded records, oldest first. */
  list(seq: number): string[];
  remove(seq: number): void;
}

export function createAttempts(database: Database): Attempts {
  const insert = database.prepare('INSERT OR REPLACE INTO attempt (seq, n, record) VALUES (?, ?, ?)');
  const trim = database.prepare('DELETE FROM attempt WHERE seq = ? AND n > 1 AND n <= ?');
  const select = database.prepare('SELECT record FROM attempt WHERE seq = ? ORDER BY n');
  const remove = database.prepare('DELETE FROM attempt WHERE seq = ?');

  return {
    keep(seq, number, record) {
      insert.run(seq, number, record);
      if (number > MAX_KEPT_ATTEMPTS) trim.run(seq, number - (MAX_KEPT_ATTEMPTS - 1));
    },
    list: (seq) => select.all(seq).map(([record]) => String(record)),
    remove: (seq) => void remove.run(seq),
  };
}
