import type { PoisonLimits } from '@task-center/model';
import type { LeasedTask } from './consume.ts';

/** One bounded step of maintenance on one queue. */
export interface Step {
  readonly queue: string;
  /** Most tasks to handle in this call, 1 to 256. */
  readonly limit: number;
}

/** A step of recovery. */
export interface RecoverStep extends Step {
  /**
   * `atMs` of the last survey that found nothing leased in the queue. It proves that the broker was there: without it, a
   * scan after a long time looks like one after a stall.
   */
  readonly idleAtMs?: number;
}

/** What a queue needs of the loops of maintenance. */
export interface Surveyed {
  /** When the survey was made: the broker's time, ms, on the clock by which it judges leases. */
  readonly atMs: number;
  /** Whether it has leases, which the recoverer must look at again and again. */
  readonly isLeased: boolean;
  /** When its next task is due, wall-clock ms by the broker's clock; null = none waits. */
  readonly nextDueMs: number | null;
  /** The same in ms from now; 0 = one is due already. */
  readonly nextInMs: number | null;
  /** Whether a key cannot be read: the janitor must look at it. */
  readonly isUntidy: boolean;
}

/** IDs that a step met instead of tasks. */
export interface Quarantined {
  /** Unreadable tasks that were archived, and IDs without a task that were dropped. Left out = none. */
  readonly quarantined?: readonly string[];
}

/** What a step took back from workers that are gone. */
export interface Recovered extends Quarantined {
  /** Tasks that are the next to run again, with one loss more. */
  readonly recovered: number;
  /** Tasks that were archived, because they took too many workers with them. */
  readonly archived: number;
  /**
   * Tasks of Go's workers that are gone. The caller has a lease of 10 s on each and must end it as a failed attempt: that
   * is what Asynq's own recoverer does.
   */
  readonly orphans: readonly LeasedTask[];
}

/** What a step made pending. */
export interface Forwarded extends Quarantined {
  /** Number of tasks that became pending. */
  readonly moved: number;
  /** How long the earliest of them had been due, ms by the broker's clock; 0 = none was moved. */
  readonly lateMs: number;
  /** When the queue's next task is due, wall-clock ms by the broker's clock; null = none waits. */
  readonly nextDueMs: number | null;
  /** The same in ms from now; 0 = one is due already. */
  readonly nextInMs: number | null;
}

/** What a step repaired. */
export interface Repaired {
  /** Active tasks without a lease; the recoverer takes them back. */
  readonly recovered: number;
  /** Tasks that would never have started; they were archived. */
  readonly archived: number;
  /** Unique locks of tasks that are gone; they were released. */
  readonly locks: number;
  /** Groups with tasks that no aggregator would have found; they are listed again. */
  readonly groups: number;
  /** Keys of a wrong type; their data was kept under another name. */
  readonly renamedKeys: readonly string[];
}

/**
 * What keeps queues in order: bounded steps that the loops in `loops/` repeat. Any number of processes may call them at
 * once; there is no leader.
 */
export interface Maintain {
  /**
   * Looks at many queues in few calls, and changes nothing. The loops work on those queues alone that need them, so idle
   * queues cost next to nothing. One result per queue; null = it could not be asked, as its master is down.
   */
  survey(queues: readonly string[]): Promise<(Surveyed | null)[]>;
  /**
   * Those of the queues that the janitor should look at soon: something has expired, or cannot be read. Many queues in few
   * calls; changes nothing.
   */
  findUntidy(queues: readonly string[]): Promise<string[]>;
  /**
   * Takes back tasks whose lease has expired: those of our workers at once, those of Go's (token 0) 30 s later, as
   * `orphans`. After a pause of the broker every lease looks expired. Recovery then waits until live workers have had time
   * to renew: docs/design/guarantees.md#hold-off-after-a-stall.
   *
   * @param limits after which losses a task is archived as poison
   */
  recover(steps: readonly RecoverStep[], limits: PoisonLimits): Promise<Recovered[]>;
  /** Moves due tasks from scheduled and retry to pending (or into their group), earliest first and never early. */
  forward(steps: readonly Step[]): Promise<Forwarded[]>;
  /**
   * Removes completed and cancelled tasks whose retention is over, archived tasks beyond their bounds, and expired data of
   * the broker's own. Resolves to the number of removals per step; one that reaches the limit means there may be more.
   */
  expire(steps: readonly Step[]): Promise<number[]>;
  /**
   * Repairs what crashed or foreign processes left behind: active tasks without a lease, unique locks without a task,
   * groups that are not listed, due times that are not numbers. Each call checks a part of each queue. Whatever the number
   * of callers, a queue is checked once in 6 s.
   */
  repair(steps: readonly Step[]): Promise<Repaired[]>;
}
