// The attempt records of tasks. Runs in the writer thread.
import { MAX_KEPT_ATTEMPTS } from '../../../../task/attempt-record.ts';
import type { Database } from '../database.ts';

/** Attempt records by task, which `seq` names. Of each task the first and the last 49 are kept. */
export interface Attempts {
  /** Keeps the encoded record of a task's newest attempt, and its stack in place of the newest one so far; '' = it has none. */
  keep(seq: number, number: number, attempt: { readonly record: string; readonly stack: string }): void;
  /** What is kept of them, encoded, oldest first. */
  list(seq: number): { readonly records: string[]; readonly stacks: string[] };
  remove(seq: number): void;
}

export function createAttempts(database: Database): Attempts {
  const insert = database.prepare(
    'INSERT OR REPLACE INTO attempt (seq, n, record, stack) VALUES (?, ?, ?, ?)',
  );
  const dropNewest = database.prepare(`
    UPDATE attempt SET stack = NULL WHERE seq = ?1 AND stack IS NOT NULL
    AND n > (SELECT min(n) FROM attempt WHERE seq = ?1 AND stack IS NOT NULL)`);
  const trim = database.prepare('DELETE FROM attempt WHERE seq = ? AND n > 1 AND n <= ?');
  const select = database.prepare('SELECT record, stack FROM attempt WHERE seq = ? ORDER BY n');
  const remove = database.prepare('DELETE FROM attempt WHERE seq = ?');

  return {
    keep(seq, number, { record, stack }) {
      if (stack !== '') dropNewest.run(seq);
      insert.run(seq, number, record, stack === '' ? null : stack);
      if (number > MAX_KEPT_ATTEMPTS) trim.run(seq, number - (MAX_KEPT_ATTEMPTS - 1));
    },
    list(seq) {
      const rows = select.all(seq);
      const stacks = rows.flatMap(([, stack]) => (stack === null ? [] : [String(stack)]));
      return { records: rows.map(([record]) => String(record)), stacks };
    },
    remove: (seq) => void remove.run(seq),
  };
}
