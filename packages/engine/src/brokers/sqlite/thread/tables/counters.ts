// The counters of a queue: attempts processed and failed, in all and by day. Runs in the writer thread.
import { DAY_MS } from '@task-center/model';
import type { Database } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';

/** Counts ended attempts during a call, and writes the sums once per queue. */
export interface Tally {
  add(entry: QueueEntry, ended: { readonly processed: boolean; readonly failed: boolean }): void;
  write(nowMs: number): void;
}

export interface Counters {
  /** A new tally, all zeros. */
  tally(): Tally;
  /** Removes the counts of days before the last 90. */
  expire(nowMs: number): void;
}

/** As long as Asynq keeps its daily counters. */
const KEPT_DAYS = 90;

/** Whole days since 1970, UTC. */
const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);

export function createCounters(database: Database): Counters {
  const addToTotal = database.prepare(
    'UPDATE queue SET processed = processed + ?, failed = failed + ? WHERE no = ?',
  );
  const addToDay = database.prepare(`
    INSERT INTO counter (queue, day, processed, failed) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET processed = processed + excluded.processed, failed = failed + excluded.failed`);
  const removeBefore = database.prepare('DELETE FROM counter WHERE day < ?');
  let expiredDay = 0;

  return {
    tally() {
      const sums = new Map<number, { processed: number; failed: number }>();
      return {
        add({ number }, { processed, failed }) {
          const sum = sums.get(number) ?? { processed: 0, failed: 0 };
          if (processed) sum.processed += 1;
          if (failed) sum.failed += 1;
          sums.set(number, sum);
        },
        write(nowMs) {
          for (const [queue, { processed, failed }] of sums) {
            if (processed === 0 && failed === 0) continue;
            addToTotal.run(processed, failed, queue);
            addToDay.run(queue, dayOf(nowMs), processed, failed);
          }
        },
      };
    },
    expire(nowMs) {
      if (dayOf(nowMs) === expiredDay) return;
      expiredDay = dayOf(nowMs);
      removeBefore.run(expiredDay - KEPT_DAYS);
    },
  };
}
