// The table of unique locks. Runs in the writer thread.
import { ACTIVE } from '../../states.ts';
import type { Database } from '../database.ts';

export interface LockClaim {
  /** Derived from queue, type, business and payload: tasks with the same key are duplicates. */
  readonly key: string;
  /** Stored ID of the task that wants the lock. */
  readonly id: string;
  readonly untilMs: number;
}

/** Unique locks: at most one task holds a key at a time. */
export interface Locks {
  /** Acquires a lock that is free or whose time is over. Null = acquired; otherwise the ID of the task that holds it. */
  acquire(lock: LockClaim, nowMs: number): string | null;
  /** Whether a task holds it. */
  isHeld(key: string, nowMs: number): boolean;
  /**
   * Releases the lock of the task in this row, if the task still holds it. The row must exist, as it knows the lock's
   * key. With a token: only while the attempt with this token has its lease.
   */
  release(seq: number, token?: number | null): void;
  /** Removes at most `limit` locks whose time is over. */
  expire(nowMs: number, limit: number): void;
}

export function createLocks(database: Database): Locks {
  const acquire = database.named<LockClaim & { nowMs: number }>(`
    INSERT INTO unique_lock (key, id, until_ms) VALUES (:key, :id, :untilMs)
    ON CONFLICT (key) DO UPDATE SET id = excluded.id, until_ms = excluded.until_ms WHERE until_ms <= :nowMs`);
  const holder = database.prepare('SELECT id FROM unique_lock WHERE key = ?');
  const held = database.prepare('SELECT 1 FROM unique_lock WHERE key = ? AND until_ms > ?');
  const release = database.prepare(`
    DELETE FROM unique_lock WHERE (key, id) = (SELECT unique_key, id FROM task
      WHERE seq = ?1 AND (?2 IS NULL OR (state = ${ACTIVE} AND token = ?2)))`);
  const expire = database.prepare(`
    DELETE FROM unique_lock WHERE key IN (SELECT key FROM unique_lock WHERE until_ms <= ? LIMIT ?)`);
  return {
    acquire(lock, nowMs) {
      if (acquire.run({ ...lock, nowMs }) > 0) return null;
      return String(holder.get(lock.key)?.[0]);
    },
    isHeld: (key, nowMs) => held.get(key, nowMs) !== undefined,
    release: (seq, token = null) => void release.run(seq, token),
    expire: (nowMs, limit) => void expire.run(nowMs, limit),
  };
}
