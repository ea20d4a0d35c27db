import type { ListedState } from '../../task/state.ts';

/** States by the numbers that the file has; see the migrations. */
export const STATES = [
  'scheduled',
  'pending',
  'active',
  'retry',
  'completed',
  'cancelled',
  'archived',
  'aggregating',
  // Being aggregated: told as aggregating, yet counted nowhere, as in Asynq.
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
export const IN_SET = 8;

export type StateNumber = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What the threads tell each other of a queue after something was written to it. */
export interface QueueChange {
  readonly name: string;
  readonly pending: number;
  readonly paused: boolean;
  /** Earliest due time of scheduled and retry, wall-clock ms. */
  readonly nextDueMs: number | null;
}
