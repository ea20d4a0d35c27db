// Starting attempts: a part of the table of tasks (tasks.ts). Runs in the writer thread.
import { ACTIVE, PENDING } from '../states.ts';
import type { Database } from './database.ts';
import type { QueueEntry, QueueRegistry } from './queue-registry.ts';

/** The lease of all tasks that one call takes. */
export interface NewLease {
  /** When it ends, on the monotonic clock. */
  readonly untilMs: number;
  readonly token: number;
  readonly worker: string;
  readonly nowMs: number;
}

/** The first pending tasks of a queue. */
export interface FirstTasks {
  readonly count: number;
  /** `at` of the last of them. No two pending tasks of a queue have the same, so these are exactly `count` tasks. */
  readonly lastOrder: number;
}

export function createStarter({ database, queues }: { database: Database; queues: QueueRegistry }) {
  const START = `UPDATE task SET state = ${ACTIVE}, at = :untilMs, token = :token, worker = :worker, started_ms = :nowMs,
    attempts = attempts + 1, waiting_for = NULL, is_alone = 0`;
  const startFirst = database.named<NewLease & { queue: number; lastOrder: number }>(
    `${START} WHERE queue = :queue AND state = ${PENDING} AND at <= :lastOrder`,
  );
  const startListed = database.named<NewLease & { seqs: string }>(
    `${START} WHERE seq IN (SELECT value FROM json_each(:seqs))`,
  );
  return {
    startFirst(entry: QueueEntry, { count, lastOrder }: FirstTasks, lease: NewLease): void {
      const { untilMs, token, worker, nowMs } = lease;
      startFirst.run({ queue: entry.number, lastOrder, untilMs, token, worker, nowMs });
      queues.recordMove(entry, { from: PENDING, to: ACTIVE, count });
    },
    /** Starts pending tasks that are not the first ones. */
    startListed(entry: QueueEntry, seqs: readonly number[], lease: NewLease): void {
      const { untilMs, token, worker, nowMs } = lease;
      startListed.run({ seqs: JSON.stringify(seqs), untilMs, token, worker, nowMs });
      queues.recordMove(entry, { from: PENDING, to: ACTIVE, count: seqs.length });
    },
  };
}
