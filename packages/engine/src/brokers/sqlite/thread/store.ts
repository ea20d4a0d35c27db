// What the request handlers of the writer thread share: the database, its tables, the queue registry, and sources of
// numbers.
import { PENDING } from '../states.ts';
import { AwaitedTasks } from './awaited-tasks.ts';
import { createAfterFinish, type AfterFinish } from './after-finish.ts';
import type { Database } from './database.ts';
import { QueueRegistry } from './queue-registry.ts';
import { createAttempts, type Attempts } from './tables/attempts.ts';
import { createFires, type Fires } from './tables/fires.ts';
import { createBodies, type Bodies } from './tables/bodies.ts';
import { createCounters, type Counters } from './tables/counters.ts';
import { createLocks, type Locks } from './tables/locks.ts';
import { createLogLines, type LogLines } from './tables/log-lines.ts';
import { createSchedules, type ScheduleTable } from './tables/schedules.ts';
import { createTasks, type Tasks } from './tasks.ts';

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
  readonly tasks: Tasks;
  readonly attempts: Attempts;
  readonly bodies: Bodies;
  readonly counters: Counters;
  readonly locks: Locks;
  readonly logLines: LogLines;
  readonly schedules: ScheduleTable;
  readonly fires: Fires;
  readonly awaited: AwaitedTasks;
  /** To be called with every task and attempt that ends. */
  readonly afterFinish: AfterFinish;
  /**
   * A lease token for the tasks that one call takes: never 0, unique in the life of the process. A finish with another
   * token than the task's has lost its lease.
   */
  nextToken(): number;
}

/** Continues where the file ends: after its newest row, before and after its pending tasks. */
function createSequence(database: Database): Sequence {
  const ofPending = (bound: 'min' | 'max') =>
    `${bound}((SELECT ${bound}(at) FROM task WHERE queue = no AND state = ${PENDING}))`;
  const ends = database.named<void, Readonly<Record<'newest' | 'lowest' | 'highest', number | null>>>(`
    SELECT (SELECT max(seq) FROM task) AS newest, ${ofPending('min')} AS lowest, ${ofPending('max')} AS highest
    FROM queue`);
  const { newest = null, lowest = null, highest = null } = ends.get() ?? {};
  let last = Math.max(newest ?? 0, highest ?? 0);
  let first = Math.min(0, lowest ?? 0);
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
  const queues = new QueueRegistry(database);
  const attempts = createAttempts(database);
  const bodies = createBodies(database);
  const counters = createCounters(database);
  const locks = createLocks(database);
  const logLines = createLogLines(database);
  const schedules = createSchedules(database);
  const fires = createFires({ database, queues, schedules });
  const awaited = new AwaitedTasks();
  let token = 0;
  return {
    database,
    queues,
    sequence: createSequence(database),
    tasks: createTasks({ database, queues, awaited, attempts, bodies, locks, logLines }),
    attempts,
    bodies,
    counters,
    locks,
    logLines,
    schedules,
    fires,
    awaited,
    afterFinish: createAfterFinish({ queues, attempts, bodies, counters, locks, fires }),
    nextToken() {
      token += 1;
      return token;
    },
  };
}
