import type { TaskRecord } from './inspect.ts';
import type { Step } from './maintain.ts';
import type { EnqueueOutcome, NewTask } from './submit.ts';

/** When a group's tasks are aggregated, and how many at once. */
export interface GroupRules {
  /** The group has had no new task for so long, ms. */
  readonly graceMs: number;
  /** Its oldest task has waited for so long, ms; 0 = no such rule. */
  readonly maxDelayMs: number;
  /** It has so many tasks, up to `MAX_SET_TASKS`; never more than these go together. 0 = no such rule. */
  readonly maxSize: number;
}

/** Tasks of a group that somebody has taken out of it, to make one task of them until a deadline. */
export interface AggregationSet {
  /** Of the group. */
  readonly queue: string;
  readonly group: string;
  /** A UUID. */
  readonly id: string;
  readonly size: number;
}

export interface SetContent {
  /** In the order in which they joined. Members that are no more, and those that nobody can read, are left out. */
  readonly tasks: readonly TaskRecord[];
  /** Stored IDs of those that nobody can read. */
  readonly unreadable: readonly string[];
  /** The broker's own. */
  readonly source: unknown;
}

/**
 * What became of the task that a set was made into; `set-lost`: its time is over and it goes back to its
 * group, or its tasks are no more; `removed`: there was no task to store.
 */
export type FinishedSet = EnqueueOutcome | { readonly code: 'set-lost' | 'removed' };

/** Whoever takes a set has so long (protocol 4.12); then its tasks are in their group again. */
export const SET_MS = 120_000;
/** Most tasks of a set, whatever the rules; what is left makes the next one. */
export const MAX_SET_TASKS = 1_000;
/** A set ends before its messages have more bytes, though it always has one task. */
export const MAX_SET_BYTES = 16_777_216;

/** Aggregation: tasks of a group become one. */
export interface Groups {
  /**
   * Takes up to `limit` (at most 10) sets of groups that a rule applies to. Looks at about 10,000 groups, from where the
   * last call ended on.
   */
  take(queue: string, rules: GroupRules, limit: number): Promise<AggregationSet[]>;
  /** Null = the set has gone back to its group, or its tasks are no more. */
  read(set: AggregationSet): Promise<SetContent | null>;
  /**
   * Stores the task in the set's queue and removes the set's tasks with their unique locks, in one step; those that
   * nobody can read are archived. Where the task cannot be stored all stays as it is. Null: there is none to store.
   */
  finish(set: AggregationSet, content: SetContent, task: NewTask | null): Promise<FinishedSet>;
  /** Puts the tasks of sets whose time is over back into their groups. Resolves to how many went back, per step. */
  reclaim(steps: readonly Step[]): Promise<number[]>;
}
