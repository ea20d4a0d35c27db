// The log lines of tasks. Runs in the writer thread.
import { MAX_KEPT_LINES, MAX_KEPT_LOG_BYTES } from '../../../../task/task-notes.ts';
import type { Database } from '../database.ts';

/** Log lines by task, which `seq` names. Of each task the newest are kept. */
export interface LogLines {
  /** `skipped`: how many lines before these are left out. Older ones then go, too, so the log has no gap. */
  append(seq: number, lines: readonly string[], skipped: number): void;
  /** Oldest first, and how many came before them. */
  list(seq: number): { readonly lines: string[]; readonly dropped: number };
  remove(seq: number): void;
}

/** The bytes of a line, of whose text SQLite counts the characters; and its line feed on Redis. */
const LINE_BYTES = 'length(CAST(line AS BLOB)) + 1';

export function createLogLines(database: Database): LogLines {
  const newest = database.prepare('SELECT max(n) FROM log_line WHERE seq = ?');
  const insert = database.prepare('INSERT INTO log_line (seq, n, line) VALUES (?, ?, ?)');
  const sizes = database.prepare(`SELECT n, ${LINE_BYTES} FROM log_line WHERE seq = ? ORDER BY n DESC`);
  const trim = database.prepare('DELETE FROM log_line WHERE seq = ? AND n < ?');
  const select = database.prepare('SELECT n, line FROM log_line WHERE seq = ? ORDER BY n');
  const remove = database.prepare('DELETE FROM log_line WHERE seq = ?');
  /** Files without any line pay for no delete. */
  let hasLines = Number(database.prepare('SELECT EXISTS (SELECT 1 FROM log_line)').get()?.[0]) === 1;

  /** The number of the oldest line that stays. The newest one always does. */
  function oldestKept(seq: number): number {
    let first = Infinity;
    let bytes = 0;
    let count = 0;
    for (const [n, size] of sizes.all(seq)) {
      bytes += Number(size);
      count += 1;
      if (count > 1 && (count > MAX_KEPT_LINES || bytes > MAX_KEPT_LOG_BYTES)) break;
      first = Number(n);
    }
    return first;
  }

  return {
    append(seq, lines, skipped) {
      let n = Number(newest.get(seq)?.[0] ?? 0) + skipped;
      if (skipped > 0) remove.run(seq);
      for (const line of lines) insert.run(seq, (n += 1), line);
      hasLines = true;
      trim.run(seq, oldestKept(seq));
    },
    list(seq) {
      const rows = hasLines ? select.all(seq) : [];
      return { lines: rows.map(([, line]) => String(line)), dropped: Number(rows[0]?.[0] ?? 1) - 1 };
    },
    remove(seq) {
      if (hasLines) remove.run(seq);
    },
  };
}
