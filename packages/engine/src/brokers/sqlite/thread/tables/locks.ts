import type { Database } from '../database.ts';

export interface WantedLock {
  readonly key: string;
  readonly id: string;
  readonly untilMs: number;
}

/** Unique locks: at most one task holds a key at a time. */
export interface Locks {
  /** Null = taken; else the ID of the task that holds it. */
  take(lock: WantedLock, nowMs: number): string | null;
  /** Frees the lock of the task in this row, if it is still its own; asked only for tasks that have one. */
  release(seq: number): void;
  /** Removes locks whose time is over, up to a limit. */
  expire(nowMs: number, limit: number): void;
}

export function createLocks(database: Database): Locks {
  const take = database.prepare(`
    INSERT INTO unique_lock (key, id, until_ms) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET id = excluded.id, until_ms = excluded.until_ms WHERE until_ms <= ?4`);
  const holder = database.prepare('SELECT id FROM unique_lock WHERE key = ?');
  const release = database.prepare(`
    DELETE FROM unique_lock WHERE (key, id) = (SELECT unique_key, id FROM task WHERE seq = ?)`);
  const expire = database.prepare(`
    DELETE FROM unique_lock WHERE key IN (SELECT key FROM unique_lock WHERE until_ms <= ? LIMIT ?)`);
  return {
    take({ key, id, untilMs }, nowMs) {
      if (take.run(key, id, untilMs, nowMs) > 0) return null;
      return String(holder.get(key)?.[0]);
    },
    release: (seq) => void release.run(seq),
    expire: (nowMs, limit) => void expire.run(nowMs, limit),
  };
}
