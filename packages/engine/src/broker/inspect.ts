import type { ListedState, TaskState, AttemptRecord } from '@task-center/model';
import type { TaskRef } from '../runtime/events.ts';
import type { TaskMeta } from '../task/meta.ts';
import type { TaskLog, TaskProgress } from '../task/task-notes.ts';
import type { Cancellation } from './control.ts';
import type { QueueTotals } from './totals.ts';

/**
 * How many broken things workers and repairs have met in a queue since it exists. Other programs wrote them, or they were
 * damaged: docs/design/data-model.md#anomalies.
 */
export interface Anomalies {
  /** IDs without a task; they were dropped. */
  readonly dropped: number;
  /** Tasks that could not be read, or would never have started; they were archived for people to look at. */
  readonly archived: number;
  /** Keys of a wrong type; they were renamed to `tc:{queue}:aside:<name>:<time in s>`. */
  readonly renamedKeys: number;
}

/** A queue and its figures. */
export interface QueueFacts {
  readonly queue: string;
  readonly counts: Readonly<Record<ListedState, number>>;
  readonly paused: boolean;
  readonly pauseReason: string | null;
  /** How long the next task to run has been pending, ms; null = none is pending, or its age is unknown. */
  readonly oldestPendingMs: number | null;
  /** How long ago the first task joined a group that it has not left, ms; null = there is none. Its set may be under way. */
  readonly oldestAggregatingMs: number | null;
  /** Attempts that succeeded or failed since the queue exists, those of Go's workers included. */
  readonly processed: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** What has happened in the queue since it exists. */
  readonly totals: QueueTotals;
  /** Number of groups that have tasks. */
  readonly groups: number;
  readonly anomalies: Anomalies;
}

/** Attempts of a queue that ended on one day. */
export interface DayCounts {
  /** UTC, `2026-05-14`. */
  readonly day: string;
  readonly processed: number;
  readonly failed: number;
}

/** A group and the number of tasks that wait in it. */
export interface GroupSize {
  readonly group: string;
  readonly size: number;
}

/** Everything that is known about a task. Times are wall-clock ms; null = unknown, or not reached yet. */
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
  /** Attempts that were lost with their worker, in any company. */
  readonly crashes: number;
  /** Attempts that were given back unfinished. */
  readonly deferrals: number;
  /** What it was deferred for, in words; only until a worker takes it again. Null = nothing but its time. */
  readonly waitingFor: string | null;
  /** When it may start; only while it is scheduled or in retry. */
  readonly dueMs: number | null;
  readonly pendingSinceMs: number | null;
  /** Start of the newest attempt. */
  readonly startedMs: number | null;
  /** Name of the worker of the newest attempt. */
  readonly worker: string | null;
  /** Whether it is active with an expired lease: its worker is gone, and the recoverer will take the task back. */
  readonly orphaned: boolean;
  /** When it was completed, cancelled or archived. */
  readonly finishedMs: number | null;
  /** When it will be removed. */
  readonly expiresMs: number | null;
  readonly lastError: { readonly message: string; readonly atMs: number | null } | null;
  readonly result: Uint8Array | null;
  /**
   * The request to cancel it; null = there was none. In the state `cancelled` it has ended so. In the state `completed`
   * the request came too late. In others the task will be cancelled, unless its attempt succeeds.
   */
  readonly cancelled: (Cancellation & CancelTimes) | null;
  /** How far it is, as its handler said last. */
  readonly progress: TaskProgress | null;
  /** Records of its attempts, oldest first: the first one and the last 49. */
  readonly attempts: readonly AttemptRecord[];
}

/** When a task was cancelled. */
interface CancelTimes {
  readonly atMs: number;
  /** It ran then. Left out = it waited. */
  readonly wasRunning?: boolean;
}

/** Asks for a page of the tasks in one state. */
export interface ListRequest {
  readonly queue: string;
  readonly state: ListedState;
  /** The group whose tasks are listed. Required with the state `aggregating`, and allowed only there. */
  readonly group?: string;
  /**
   * Only tasks of these businesses, at most 1,000. A page may then be short or empty and still have a cursor: a call looks at
   * `MAX_SCANNED` entries at most.
   */
  readonly businesses?: readonly string[];
  /** 1 to 500. */
  readonly limit: number;
  /** The cursor of the page before, of the same list; null = from the start. */
  readonly cursor: string | null;
}

/** A page of tasks. */
export interface TaskPage {
  /** Pending: next to run first. Scheduled and retry: earliest first. Other states: oldest first. */
  readonly tasks: readonly TaskRecord[];
  /** For the next page; null = this was the last one. */
  readonly cursor: string | null;
  /** Number of tasks in the list, those of other businesses included. */
  readonly total: number;
  /** Entries of the list that were looked at for this page. */
  readonly scanned: number;
  /** When it was read, by the broker's clock, wall-clock ms. */
  readonly readMs: number;
}

/** Selects among stored tasks with the same plain ID: those of any business, of none (null), or of one. */
export type BusinessFilter = { readonly any: true } | { readonly business: string | null };

/** A task that was found by its plain ID. */
export interface FoundTask extends TaskRef {
  readonly business: string | null;
}

/** Read-only views on queues and tasks, for people. */
export interface Inspect {
  /** Stored queues that were used and not removed since, sorted by name. */
  queues(): Promise<string[]>;
  /** Whether the queue is one of them. */
  exists(queue: string): Promise<boolean>;
  /** Whether each of these queues ever held a task of one of these businesses, since it exists; in order. */
  haveHeld(queues: readonly string[], businesses: readonly string[]): Promise<boolean[]>;
  /** Figures of these queues, in order. A queue that was never used has zeros. */
  queueFacts(queues: readonly string[]): Promise<QueueFacts[]>;
  /** Attempts per day, today first. @param days 1 to 90 */
  history(queue: string, days: number): Promise<DayCounts[]>;
  /** Estimates the size of the queue's tasks and schedules in the broker, bytes, from a sample of each state. */
  memoryUsage(queue: string): Promise<number>;
  /** Groups that have tasks, sorted by name; at most 10,000. */
  groups(queue: string): Promise<GroupSize[]>;
  /** One task; null = there is none. */
  task(ref: TaskRef): Promise<TaskRecord | null>;
  /** The log lines that are kept with a task; null = there is no such task. */
  log(ref: TaskRef): Promise<TaskLog | null>;
  /** Whether somebody has asked to cancel these tasks while they run. One that does not exist has no request. */
  cancelRequested(tasks: readonly TaskRef[]): Promise<boolean[]>;
  /** A page of the tasks in one state. */
  list(request: ListRequest): Promise<TaskPage>;
  /** Stored tasks in any of these stored queues whose plain ID is `id`. */
  find(queues: readonly string[], id: string, filter: BusinessFilter): Promise<FoundTask[]>;
}
