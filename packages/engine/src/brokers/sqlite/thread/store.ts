// What the request handlers of the writer thread share: the database, the queue registry, and sources of numbers.
import type { Database } from './database.ts';
import { createQueueRegistry, type QueueRegistry } from './queue-registry.ts';

/** The time at which a request is handled, ms. */
export interface Now {
  /** Since 1970; for everything that is stored. */
  readonly wallMs: number;
  /** Never jumps; for leases. */
  readonly monotonicMs: number;
}

/** Numbers that order tasks. None is used twice in the life of a file; gaps do no harm. */
export interface Sequence {
  /** A number greater than all before it: for new rows, and for the end of the pending tasks. */
  next(): number;
  /** Reserves `count` consecutive numbers smaller than those of all pending tasks; returns the first. */
  reserveFront(count: number): number;
}

/** What the request handlers work on. */
export interface Store {
  readonly database: Database;
  readonly queues: QueueRegistry;
  readonly sequence: Sequence;
  /**
   * A lease token for the tasks that one call takes: never 0, unique in the life of the process. A finish with another
   * token than the task's has lost its lease.
   */
  nextToken(): number;
}

/** Continues where the file ends: after its newest row, before and after its pending tasks. */
function createSequence(database: Database): Sequence {
  const [newestSeq] = database.prepare('SELECT max(seq) FROM task').get() ?? [];
  const pendingEnds = database.prepare(`
    SELECT min((SELECT min(at) FROM task WHERE queue = no AND state = 1)),
           max((SELECT max(at) FROM task WHERE queue = no AND state = 1)) FROM queue`);
  const [lowest, highest] = pendingEnds.get() ?? [];
  let last = Math.max(Number(newestSeq ?? 0), Number(highest ?? 0));
  let first = Math.min(0, Number(lowest ?? 0));
  return {
    next() {
      last += 1;
      return last;
    },
    reserveFront(count) {
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
    nextToken() {
      token += 1;
      return token;
    },
  };
}
