import type { Database, SqlValue } from './database.ts';
import { STATES, type QueueChange, type StateNumber } from '../states.ts';

/** A queue as the writer thread keeps it in memory. */
export interface QueueEntry {
  /** Its number in the file. */
  readonly no: number;
  readonly name: string;
  /** Whether tasks were ever stored in it. */
  used: boolean;
  paused: boolean;
  /** Tasks by state; exact, as nobody else writes to the file. */
  readonly counts: number[];
}

/**
 * The queues of the file: names to numbers, and counts that no query has to count. Kept in step with the
 * transaction: after a rollback `reload` reads all again.
 */
export interface QueueRegistry {
  find(name: string): QueueEntry | undefined;
  /** The queue, made if it is missing. `used`: tasks are about to be stored in it. */
  ensure(name: string, used: boolean): QueueEntry;
  /** `count` tasks went from one state to another; null = from or to nowhere. */
  recordMove(entry: QueueEntry, move: StateMove): void;
  recordPause(entry: QueueEntry, paused: boolean): void;
  /** Counts nothing of it any more and does not name it, until it is used again. */
  forget(entry: QueueEntry): void;
  names(): string[];
  /** What was written to since the last call, for the other thread; with `all`, every queue. */
  takeChanges(all?: boolean): QueueChange[];
  reload(): void;
}

export interface StateMove {
  readonly from: StateNumber | null;
  readonly to: StateNumber | null;
  readonly count: number;
}

const PENDING = STATES.indexOf('pending');
const zeros = (): number[] => STATES.map(() => 0);
const earlier = (a: SqlValue, b: SqlValue): number | null =>
  a === null || b === null ? ((a ?? b) as number | null) : Math.min(Number(a), Number(b));

function statementsOf(database: Database) {
  return {
    queues: database.prepare('SELECT no, name, used, paused_ms IS NOT NULL FROM queue'),
    counts: database.prepare('SELECT queue, state, count(*) FROM task GROUP BY queue, state'),
    add: database.prepare('INSERT INTO queue (name, used) VALUES (?, ?) RETURNING no'),
    forget: database.prepare(`UPDATE queue SET used = 0, paused_ms = NULL, pause_reason = NULL, processed = 0,
      failed = 0 WHERE no = ?`),
    use: database.prepare('UPDATE queue SET used = 1 WHERE no = ?'),
    nextDue: database.prepare(`
      SELECT (SELECT min(at) FROM task WHERE queue = ?1 AND state = 0),
             (SELECT min(at) FROM task WHERE queue = ?1 AND state = 3)`),
  };
}

function readAll(sql: ReturnType<typeof statementsOf>): Map<string, QueueEntry> {
  const byNo = new Map<SqlValue, QueueEntry>();
  for (const [no, name, used, paused] of sql.queues.all()) {
    const entry = {
      no: Number(no),
      name: String(name),
      used: used === 1,
      paused: paused === 1,
      counts: zeros(),
    };
    byNo.set(entry.no, entry);
  }
  for (const [queue, state, count] of sql.counts.all()) {
    const entry = byNo.get(queue ?? null);
    if (entry) entry.counts[Number(state)] = Number(count);
  }
  return new Map([...byNo.values()].map((entry) => [entry.name, entry]));
}

export function createQueueRegistry(database: Database): QueueRegistry {
  const sql = statementsOf(database);
  let entries = readAll(sql);
  const touched = new Set<string>();

  function newsOf(name: string): QueueChange[] {
    const entry = entries.get(name);
    if (!entry) return [];
    const [scheduled, retry] = sql.nextDue.get(entry.no) ?? [];
    const nextDueMs = earlier(scheduled ?? null, retry ?? null);
    return [{ name, pending: entry.counts[PENDING] ?? 0, paused: entry.paused, nextDueMs }];
  }

  function add(name: string, used: boolean): QueueEntry {
    const [no] = sql.add.get(name, used ? 1 : 0) ?? [];
    const entry: QueueEntry = { no: Number(no), name, used, paused: false, counts: zeros() };
    entries.set(name, entry);
    return entry;
  }

  return {
    find: (name) => entries.get(name),
    ensure(name, used) {
      const entry = entries.get(name) ?? add(name, used);
      if (used && !entry.used) {
        sql.use.run(entry.no);
        entry.used = true;
      }
      return entry;
    },
    recordMove({ name, counts }, { from, to, count }) {
      if (count === 0) return;
      if (from !== null) counts[from] = (counts[from] ?? 0) - count;
      if (to !== null) counts[to] = (counts[to] ?? 0) + count;
      touched.add(name);
    },
    recordPause(entry, paused) {
      entry.paused = paused;
      touched.add(entry.name);
    },
    forget(entry) {
      sql.forget.run(entry.no);
      entry.used = false;
      entry.paused = false;
      touched.add(entry.name);
    },
    names: () => [...entries.values()].flatMap(({ name, used }) => (used ? [name] : [])).sort(),
    takeChanges(all = false) {
      const names = all ? [...entries.keys()] : [...touched];
      touched.clear();
      return names.flatMap(newsOf);
    },
    reload() {
      entries = readAll(sql);
      touched.clear();
    },
  };
}
