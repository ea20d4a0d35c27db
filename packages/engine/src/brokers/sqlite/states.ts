// The numbers by which the file's column `task.state` names states, known to both threads. Never change a number: files
// of earlier versions have them.
import type { ListedState } from '@task-center/model';

/** States by their numbers. */
export const STATES = [
  'scheduled',
  'pending',
  'active',
  'retry',
  'completed',
  'cancelled',
  'archived',
  'aggregating',
  // In an aggregation set: shown as aggregating, but counted nowhere, as in Asynq.
  'aggregating',
] as const satisfies readonly ListedState[];

export const SCHEDULED = 0;
export const PENDING = 1;
export const ACTIVE = 2;
export const RETRY = 3;
export const COMPLETED = 4;
export const CANCELLED = 5;
export const ARCHIVED = 6;
export const AGGREGATING = 7;
/** In an aggregation set: taken out of its group until the set is finished or its time is over. */
export const IN_SET = 8;

export type StateNumber = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const numberOfState = (state: ListedState): StateNumber => STATES.indexOf(state) as StateNumber;

/** What the writer thread reports to the main thread about a queue after a write to it. */
export interface QueueChange {
  readonly name: string;
  readonly pending: number;
  readonly paused: boolean;
  /** Earliest due time of scheduled and retry, wall-clock ms. */
  readonly nextDueMs: number | null;
  /** When a scheduler must look at one of its schedules, wall-clock ms. */
  readonly nextLookMs: number | null;
}
