// What workers say of the tasks that they have leased. No state changes. Runs in the writer thread.
import { ACTIVE } from '../states.ts';
import type { Database } from './database.ts';
import type { QueueEntry } from './queue-registry.ts';

/** A leased task of a queue. */
export interface LeaseRef {
  readonly id: string;
  readonly token: number;
}

/** Of each function: false = the task no longer has this token, and nothing was written. */
export function createLeases(database: Database) {
  const ofLease = `queue = ? AND id = ? AND state = ${ACTIVE} AND token = ?`;
  const extend = database.prepare(`UPDATE task SET at = ? WHERE ${ofLease}`);
  const setAlone = database.prepare(`UPDATE task SET is_alone = 1 WHERE ${ofLease}`);
  const setSurvived = database.prepare(`UPDATE task SET is_alone = 0, alone_crashes = 0 WHERE ${ofLease}`);
  return {
    /** The lease ends at `untilMs`, monotonic. */
    extend: (entry: QueueEntry, { id, token }: LeaseRef, untilMs: number): boolean =>
      extend.run(untilMs, entry.number, id, token) > 0,
    /** The task runs alone in its worker; or it has survived, and its crashes so far are forgotten. */
    markAlone: (entry: QueueEntry, { id, token }: LeaseRef, isAlone: boolean): boolean =>
      (isAlone ? setAlone : setSurvived).run(entry.number, id, token) > 0,
  };
}
