import type { TaskRecord } from './inspect.ts';
import type { Step } from './maintain.ts';
import type { EnqueueOutcome, NewTask } from './submit.ts';

/** When a group's tasks are aggregated, and how many at once. A group is ready as soon as one rule applies. */
export interface GroupRules {
  /** The group has had no new task for this time, ms. */
  readonly graceMs: number;
  /** Its oldest task has waited for this time, ms; 0 = no such rule. */
  readonly maxDelayMs: number;
  /** It has this many tasks, at most `MAX_SET_TASKS`; a set then has no more than these. 0 = no such rule. */
  readonly maxSize: number;
}

/**
 * Tasks that an aggregator has taken out of a group to make one task of them. It has `SET_MS` for that:
 * docs/design/protocol.md#groups-and-aggregation-sets.
 */
export interface AggregationSet {
  /** The queue of the group, and of the task that is made. */
  readonly queue: string;
  readonly group: string;
  /** A UUID. */
  readonly id: string;
  /** Number of tasks in it. */
  readonly size: number;
}

/** The tasks of a set. */
export interface SetContent {
  /** In the order in which they joined. Tasks that are gone and tasks that cannot be read are left out. */
  readonly tasks: readonly TaskRecord[];
  /** Stored IDs of the tasks that cannot be read. */
  readonly unreadable: readonly string[];
  /** What the broker itself needs to finish the set. Callers hand it back unread. */
  readonly source: unknown;
}

/**
 * What became of the task that was made of a set. `set-lost`: the set's time was over and its tasks are in their group
 * again, or its tasks are gone. `removed`: there was no task to store, and the set was removed.
 */
export type FinishedSet = EnqueueOutcome | { readonly code: 'set-lost' | 'removed' };

/**
 * What becomes of the tasks of a set that failed. `retry`: they go back to their group after a pause; from the third failure on
 * they leave it in sets of half the size. `archived`: it had only one task, and was the third failure. `set-lost`: as in
 * `FinishedSet`.
 */
export type FailedSet =
  { readonly code: 'retry'; readonly pauseMs: number } | { readonly code: 'archived' | 'set-lost' };

/** How long an aggregator has for a set, ms, as in Asynq. Then the set's tasks go back to their group. */
export const SET_MS = 120_000;
/** Most tasks in a set, whatever the rules. Tasks that are left go into the next set. */
export const MAX_SET_TASKS = 1_000;
/** Most bytes of messages in a set. A set has at least one task, whatever its size. */
export const MAX_SET_BYTES = 16_777_216;

/** Most sets that one step of a search takes. */
export const MAX_SETS = 10;

/** One step of a search for groups that are ready. */
export interface GroupSearchStep {
  readonly sets: readonly AggregationSet[];
  /** Groups that were looked at, a few hundred. */
  readonly checked: number;
  /** Where the next step begins, unread by callers; null = this was the last group. */
  readonly next: string | null;
}

/** Aggregation: many tasks of a group become one task. */
export interface Groups {
  /**
   * Looks at a few hundred groups, and takes sets out of those that are ready.
   *
   * @param limit most sets to take, 1 to `MAX_SETS`
   * @param from `next` of the step before; null = begin with the first group
   */
  take(queue: string, rules: GroupRules, limit: number, from: string | null): Promise<GroupSearchStep>;
  /** Reads the tasks of a set. Null = they are in their group again, or gone. */
  read(set: AggregationSet): Promise<SetContent | null>;
  /**
   * Stores the task in the set's queue and removes the set's tasks with their unique locks, in one atomic step. Tasks
   * that cannot be read are archived. If the task cannot be stored, nothing changes.
   *
   * @param task null = there is nothing to store; the set is only removed
   */
  finish(set: AggregationSet, content: SetContent, task: NewTask | null): Promise<FinishedSet>;
  /**
   * The set was not aggregated. Counts a failed try against its tasks, once for each set.
   *
   * @param error stored with a task that is archived; null = it does not count
   * @param pauseMs of a failure that does not count: after it the tasks go back to their group. Default: at once
   */
  fail(set: AggregationSet, error: string | null, pauseMs?: number): Promise<FailedSet>;
  /**
   * Puts the tasks of sets whose time is over back into their groups. A set that nobody finished, failed or gave back counts as a
   * failed try: its aggregator is gone. Resolves to the number of tasks, per step.
   */
  reclaim(steps: readonly Step[]): Promise<number[]>;
}
