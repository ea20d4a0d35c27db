// The counters of a queue: attempts processed and failed, in all and by day. Runs in the writer thread.
import { DAY_MS } from '@task-center/model';
import type { Database } from '../database.ts';

/** Attempts to add to the counters of a queue, which `queue` numbers. A failed attempt is a processed one, too. */
export interface Counts {
  readonly queue: number;
  readonly processed: number;
  readonly failed: number;
}

export interface Counters {
  add(counts: Counts, nowMs: number): void;
  /** Removes the counters of a queue by day. */
  remove(queue: number): void;
  /** Removes the counters of days before the last 90. */
  expire(nowMs: number): void;
}

/** As long as Asynq keeps its daily counters. */
const KEPT_DAYS = 90;

/** Whole days since 1970, UTC. */
export const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);

export function createCounters(database: Database): Counters {
  const addToTotal = database.named<Counts>(
    'UPDATE queue SET processed = processed + :processed, failed = failed + :failed WHERE no = :queue',
  );
  const addToDay = database.named<Counts & { day: number }>(`
    INSERT INTO counter (queue, day, processed, failed) VALUES (:queue, :day, :processed, :failed)
    ON CONFLICT DO UPDATE SET processed = processed + excluded.processed, failed = failed + excluded.failed`);
  const removeOf = database.prepare('DELETE FROM counter WHERE queue = ?');
  const removeBefore = database.prepare('DELETE FROM counter WHERE day < ?');
  let expiredDay = 0;

  return {
    add({ queue, processed, failed }, nowMs) {
      addToTotal.run({ queue, processed, failed });
      addToDay.run({ queue, processed, failed, day: dayOf(nowMs) });
    },
    remove: (queue) => void removeOf.run(queue),
    expire(nowMs) {
      if (dayOf(nowMs) === expiredDay) return;
      expiredDay = dayOf(nowMs);
      removeBefore.run(expiredDay - KEPT_DAYS);
    },
  };
}
