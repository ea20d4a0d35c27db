import type { ListedState, TaskState } from '@task-center/model';
import type { TaskRef } from '../runtime/events.ts';

/** What came of a change. `from` is the task's state before it; `state` is its state now. */
export type ControlOutcome =
  | { readonly code: 'done'; readonly from: TaskState }
  | { readonly code: 'task-not-found' }
  | { readonly code: 'wrong-state'; readonly state: TaskState };

/** What came of `cancel`. `requested`: the task runs, and ends as cancelled unless it succeeds. */
export type CancelOutcome = ControlOutcome | { readonly code: 'requested' };

/** Why a task was cancelled and who asked for it, both for people. */
export interface Cancellation {
  readonly reason?: string;
  readonly by?: string;
}

/** What people do to stored tasks: run them now, archive them, remove them. */
export type TaskAction = 'run' | 'archive' | 'remove';

/** One bounded step of a bulk change: the first tasks of a state, in the order of its list. */
export interface BulkStep {
  readonly queue: string;
  readonly action: TaskAction;
  /** `completed` includes cancelled tasks, which Asynq keeps in the same set. */
  readonly state: BulkState;
  /**
   * With the state `aggregating`: only tasks of this group. Left out: tasks of all groups; `remove` then also takes those
   * in aggregation sets under way.
   */
  readonly group?: string;
  /** 1 to 256. */
  readonly limit: number;
}

/** States whose tasks a bulk change may select. */
export type BulkState = Exclude<ListedState, 'active'>;

export interface BulkOutcome {
  /** Tasks changed by this step. */
  readonly handled: number;
  /** Whether tasks are left: call again. */
  readonly more: boolean;
}

/** Changes that people make to queues and tasks. */
export interface Control {
  /** Workers take nothing more from the queue. False = it was paused already; its reason is replaced. */
  pause(queue: string, reason?: string): Promise<boolean>;
  /** Workers take tasks from the queue again. False = it was not paused. */
  resume(queue: string): Promise<boolean>;
  /**
   * Cancels a task that is scheduled, pending or in retry: it never starts, and is kept as `cancelled` for its retention,
   * at least an hour. For an active task this is only stored: nothing starts the task again, and whatever ends its attempt
   * except a success makes it `cancelled`. Asked again, it keeps who asked first. `Signals.cancel` tells the worker:
   * docs/design/engine.md#cancellation.
   */
  cancel(task: TaskRef, cancellation: Cancellation): Promise<CancelOutcome>;
  /** Makes a task pending that is neither active nor pending. Its count of retries and its history stay. */
  run(task: TaskRef): Promise<ControlOutcome>;
  /** Archives a task that is neither active nor archived: it will not run again. */
  archive(task: TaskRef): Promise<ControlOutcome>;
  /** Removes a task that is not active, and its unique lock. */
  remove(task: TaskRef): Promise<ControlOutcome>;
  /** Replaces the payload of a scheduled task. Everything else stays. */
  updatePayload(task: TaskRef, payload: Uint8Array | null): Promise<ControlOutcome>;
  /** Runs, archives or removes many tasks, in bounded steps: call it again while `more` is true. */
  changeMany(step: BulkStep): Promise<BulkOutcome>;
  /** Removes a queue without tasks: its counters, settings and name. False = it has tasks, and nothing was removed. */
  dropQueue(queue: string): Promise<boolean>;
}

/** Shortest time that a cancelled task is kept, ms. */
export const MIN_CANCELLED_MS = 3_600_000;
