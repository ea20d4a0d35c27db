import type { Database } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';

/** Counts of ended attempts, summed over a call and written once per queue. */
export interface Tally {
  add(entry: QueueEntry, ended: { readonly processed: boolean; readonly failed: boolean }): void;
  write(nowMs: number): void;
}

export interface Counters {
  tally(): Tally;
  /** Drops days that are over for good. */
  expire(nowMs: number): void;
}

const DAY_MS = 86_400_000;
/** As Asynq keeps its daily counters (protocol 1.6). */
const KEPT_DAYS = 90;

const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);

export function createCounters(database: Database): Counters {
  const total = database.prepare(
    'UPDATE queue SET processed = processed + ?, failed = failed + ? WHERE no = ?',
  );
  const daily = database.prepare(`
    INSERT INTO counter (queue, day, processed, failed) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET processed = processed + excluded.processed, failed = failed + excluded.failed`);
  const drop = database.prepare('DELETE FROM counter WHERE day < ?');
  let expiredDay = 0;

  return {
    tally() {
      const sums = new Map<number, { processed: number; failed: number }>();
      return {
        add({ no }, { processed, failed }) {
          const sum = sums.get(no) ?? { processed: 0, failed: 0 };
          if (processed) sum.processed += 1;
          if (failed) sum.failed += 1;
          sums.set(no, sum);
        },
        write(nowMs) {
          for (const [no, { processed, failed }] of sums) {
            if (processed === 0 && failed === 0) continue;
            total.run(processed, failed, no);
            daily.run(no, dayOf(nowMs), processed, failed);
          }
        },
      };
    },
    expire(nowMs) {
      if (dayOf(nowMs) === expiredDay) return;
      expiredDay = dayOf(nowMs);
      drop.run(expiredDay - KEPT_DAYS);
    },
  };
}
