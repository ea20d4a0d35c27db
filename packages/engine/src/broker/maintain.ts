import type { LeasedTask } from './consume.ts';

export interface Step {
  readonly queue: string;
  /** Most tasks to handle in this call, up to 256. */
  readonly limit: number;
}

/** What a step met that is no task. */
export interface Quarantined {
  /** IDs that were dropped or set aside because nobody can read them. Left out when there are none. */
  readonly quarantined?: readonly string[];
}

export interface Recovered extends Quarantined {
  /** Went back to the head of pending, one crash more. */
  readonly recovered: number;
  /** Crashed too often: archived as poison. */
  readonly archived: number;
  /**
   * Held by Go workers that are gone; the caller holds them now, for 10 s, and ends each as a failed attempt
   * (protocol 4.10). Nobody else gets them meanwhile.
   */
  readonly orphans: readonly LeasedTask[];
}

export interface Forwarded extends Quarantined {
  readonly moved: number;
  /** When the next task is due, wall-clock ms by the broker's clock; null = none waits. */
  readonly nextDueMs: number | null;
  /** The same as ms from now (0 = there is one now). */
  readonly nextInMs: number | null;
}

/** What a step mended. */
export interface Repaired {
  /** Tasks that nobody worked on any more; the recoverer takes them. */
  readonly recovered: number;
  /** Tasks that would never have started: archived. */
  readonly archived: number;
  /** Unique locks of tasks that are no more: released. */
  readonly locks: number;
  /** Groups with tasks that no aggregator would have found. */
  readonly groups: number;
  /** Keys of a wrong type; what they hold stands under another name. */
  readonly renamedKeys: readonly string[];
}

/** What keeps a queue in order; any number of processes may do it at once. Bounded steps, repeated by loops. */
export interface Maintain {
  /**
   * Takes back tasks whose lease has expired: ours at once, Go's (token 0) 30 s later, as `orphans`.
   * After a pause of the broker it holds off, so that live workers renew first (reliability F.4).
   */
  recover(steps: readonly Step[], maxCrashes: number): Promise<Recovered[]>;
  /** Moves what is due from scheduled and retry to pending, earliest first, never early. */
  forward(steps: readonly Step[]): Promise<Forwarded[]>;
  /**
   * Removes completed and cancelled tasks whose retention is over, archived ones that are kept no longer, and the
   * broker's own expired notes. A number that reaches the limit means that there may be more.
   */
  expire(steps: readonly Step[]): Promise<number[]>;
  /**
   * Mends what crashed or foreign processes left behind, a part of each queue in each call: active tasks without a
   * lease, locks without a task, groups without a name, times that are none. However many processes call it, a queue
   * is looked at every 6 s at most.
   */
  repair(steps: readonly Step[]): Promise<Repaired[]>;
}
