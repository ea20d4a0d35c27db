import type { TaskRef } from '../runtime/events.ts';
import type { AttemptRecord } from '../task/attempt-record.ts';
import type { TaskMeta } from '../task/meta.ts';
import type { ListedState, TaskState } from '../task/state.ts';
import type { CancelNote } from './control.ts';

/** What was met in a queue that is no task, ever: others wrote it, or it was damaged. Of each the number. */
export interface Anomalies {
  /** IDs without a task: dropped. */
  readonly dropped: number;
  /** Tasks that nobody can read, or that would never have started: archived, to be looked at. */
  readonly archived: number;
  /** Keys of a wrong type: renamed to `tc:{queue}:aside:<name>:<time in s>`. */
  readonly renamedKeys: number;
}

export interface QueueFacts {
  readonly queue: string;
  readonly counts: Readonly<Record<ListedState, number>>;
  readonly paused: boolean;
  readonly pauseReason: string | null;
  /** Age of the task that is next to run, ms; null = none waits or its age is unknown. */
  readonly oldestPendingMs: number | null;
  /** Attempts that succeeded or failed, ever; Go's included. */
  readonly processed: number;
  readonly failed: number;
  /** Groups that have tasks. */
  readonly groups: number;
  readonly anomalies: Anomalies;
}

/** Attempts of a queue on one day. */
export interface DayCounts {
  /** UTC, `2026-05-14`. */
  readonly day: string;
  readonly processed: number;
  readonly failed: number;
}

/** A group and how many tasks wait in it. */
export interface GroupSize {
  readonly group: string;
  readonly size: number;
}

/** Everything known of a task. Times: wall-clock ms, null where unknown or not reached. */
export interface TaskRecord extends TaskRef {
  readonly state: TaskState;
  readonly type: string;
  readonly payload: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxRetries: number;
  readonly retried: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly retentionMs: number;
  /** Null = none. */
  readonly group: string | null;
  readonly meta: TaskMeta;
  /** Attempts started. */
  readonly attempt: number;
  readonly crashes: number;
  readonly deferrals: number;
  /** When it may start: while scheduled and in retry. */
  readonly dueMs: number | null;
  readonly pendingSinceMs: number | null;
  /** Start of the newest attempt. */
  readonly startedMs: number | null;
  readonly worker: string | null;
  /** It is active and its lease is over: its worker is gone, or about to be given up. */
  readonly orphaned: boolean;
  /** When it became final. */
  readonly finishedMs: number | null;
  /** When it will be removed. */
  readonly expiresMs: number | null;
  readonly lastError: { readonly message: string; readonly atMs: number | null } | null;
  readonly result: Uint8Array | null;
  readonly cancelled: (CancelNote & { readonly atMs: number }) | null;
  /** Oldest first; the first and the last 49. */
  readonly attempts: readonly AttemptRecord[];
}

export interface ListRequest {
  readonly queue: string;
  readonly state: ListedState;
  /** The group whose tasks are listed; only with the state `aggregating`, and needed there. */
  readonly group?: string;
  /** 1 to 500. */
  readonly limit: number;
  /** From an earlier page of the same list; null = from the start. */
  readonly cursor: string | null;
}

export interface TaskPage {
  /** pending: next to run first; scheduled, retry: earliest first; others: oldest first. */
  readonly tasks: readonly TaskRecord[];
  /** Null = this was the last page. */
  readonly cursor: string | null;
  readonly total: number;
}

/** Which of the stored tasks with one plain ID: of any business, of none (null), or of one. */
export type BusinessFilter = { readonly any: true } | { readonly business: string | null };

export interface FoundTask extends TaskRef {
  readonly business: string | null;
}

/** Looks, changes nothing. */
export interface Inspect {
  /** Stored queues that were ever used and not removed, sorted. */
  queues(): Promise<string[]>;
  /** Whether it is one of them. */
  exists(queue: string): Promise<boolean>;
  /** Facts of queues, used or not. */
  queueFacts(queues: readonly string[]): Promise<QueueFacts[]>;
  /** Days with what was processed on them, today first. @param days 1 to 90 */
  history(queue: string, days: number): Promise<DayCounts[]>;
  /** What the queue's tasks take in the broker, bytes: estimated from a few of each state. */
  memoryUsage(queue: string): Promise<number>;
  /** Groups with tasks, by name; at most 10,000. */
  groups(queue: string): Promise<GroupSize[]>;
  /** Null = there is none. */
  task(ref: TaskRef): Promise<TaskRecord | null>;
  list(request: ListRequest): Promise<TaskPage>;
  /** Stored tasks whose plain ID is `id` in any of the stored queues. */
  find(queues: readonly string[], id: string, filter: BusinessFilter): Promise<FoundTask[]>;
}
