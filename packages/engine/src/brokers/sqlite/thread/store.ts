import type { Database } from './database.ts';
import { createQueueRegistry, type QueueRegistry } from './queue-registry.ts';

/** When an operation runs: ms since 1970 for what is stored, and a clock that never jumps for leases. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Numbers that order tasks; none is given twice in the life of a file, gaps do no harm. */
export interface Sequence {
  /** Greater than every one before: row numbers, and the end of pending. */
  next(): number;
  /** The first of `count` consecutive numbers, all before everything that is pending. */
  ahead(count: number): number;
}

/** What the operations work on; lives in the writer thread. */
export interface Store {
  readonly database: Database;
  readonly queues: QueueRegistry;
  readonly sequence: Sequence;
  /** A fence for the leases of one call: never 0, unique in the life of the process (design D6). */
  newToken(): number;
}

function createSequence(database: Database): Sequence {
  const [newest] = database.prepare('SELECT max(seq) FROM task').get() ?? [];
  const ends = database.prepare(`
    SELECT min((SELECT min(at) FROM task WHERE queue = no AND state = 1)),
           max((SELECT max(at) FROM task WHERE queue = no AND state = 1)) FROM queue`);
  const [least, greatest] = ends.get() ?? [];
  let last = Math.max(Number(newest ?? 0), Number(greatest ?? 0));
  let first = Math.min(0, Number(least ?? 0));
  return {
    next() {
      last += 1;
      return last;
    },
    ahead(count) {
      first -= count;
      return first;
    },
  };
}

export function createStore(database: Database): Store {
  let token = 0;
  return {
    database,
    queues: createQueueRegistry(database),
    sequence: createSequence(database),
    newToken() {
      token += 1;
      return token;
    },
  };
}
