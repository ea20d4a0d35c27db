import type { TaskRef } from '../runtime/events.ts';
import type { ListedState } from '../task/state.ts';
import type { TaskState } from '../task/state.ts';

export type ControlOutcome =
  | { readonly code: 'done'; readonly from: TaskState }
  | { readonly code: 'task-not-found' }
  | { readonly code: 'wrong-state'; readonly state: TaskState };

/** Why and by whom a task was cancelled. */
export interface CancelNote {
  readonly reason?: string;
  readonly by?: string;
}

/** What people do to stored tasks: have them run now, archive them, remove them. */
export type TaskAction = 'run' | 'archive' | 'remove';

/** The first tasks of a state, in the order of its list. */
export interface BulkStep {
  readonly queue: string;
  readonly action: TaskAction;
  /** `completed`: the cancelled ones, too, which Asynq keeps among them. */
  readonly state: BulkState;
  /** With `aggregating`: tasks of this group only; without it of all groups, and with `remove` of sets under way, too. */
  readonly group?: string;
  /** 1 to 256. */
  readonly limit: number;
}

/** States whose tasks can be acted on together. */
export type BulkState = Exclude<ListedState, 'active'>;

export interface BulkOutcome {
  readonly handled: number;
  /** Whether tasks are left there. */
  readonly more: boolean;
}

export interface Control {
  /** Workers take nothing more from the queue; false = it was paused already (the reason is replaced). */
  pause(queue: string, reason?: string): Promise<boolean>;
  /** False = it was not paused. */
  resume(queue: string): Promise<boolean>;
  /** A task that waits (scheduled, pending, retry) never starts; it is kept as `cancelled` for at least an hour. */
  cancel(task: TaskRef, note: CancelNote): Promise<ControlOutcome>;
  /** A task that is neither active nor pending becomes pending; its retries and its history stay. */
  run(task: TaskRef): Promise<ControlOutcome>;
  /** A task that is neither active nor archived will not run again. */
  archive(task: TaskRef): Promise<ControlOutcome>;
  /** Removes a task that is not active, and its unique lock. */
  remove(task: TaskRef): Promise<ControlOutcome>;
  /** Gives a scheduled task another payload; all else stays. */
  updatePayload(task: TaskRef, payload: Uint8Array | null): Promise<ControlOutcome>;
  /** Does the same to many; call it again while there are more. */
  changeMany(step: BulkStep): Promise<BulkOutcome>;
  /** Forgets a queue that holds no task at all: its counters, settings and name; false = it holds tasks. */
  dropQueue(queue: string): Promise<boolean>;
}

/** A cancelled task is kept for its retention, and at least this long. */
export const MIN_CANCELLED_MS = 3_600_000;
