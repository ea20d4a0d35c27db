import type { TaskRef } from '../runtime/events.ts';
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

export interface Control {
  /** Workers take nothing more from the queue; false = it was paused already (the reason is replaced). */
  pause(queue: string, reason?: string): Promise<boolean>;
  /** False = it was not paused. */
  resume(queue: string): Promise<boolean>;
  /** A task that waits (scheduled, pending, retry) never starts; it is kept as `cancelled` for at least an hour. */
  cancel(task: TaskRef, note: CancelNote): Promise<ControlOutcome>;
  /** Removes a task that is not active. */
  remove(task: TaskRef): Promise<ControlOutcome>;
}

/** A cancelled task is kept for its retention, and at least this long. */
export const SHORTEST_CANCELLED_MS = 3_600_000;
