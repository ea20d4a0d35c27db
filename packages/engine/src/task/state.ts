/**
 * Where a task is. All but `blocked`, `awaiting` and `cancelled` are Asynq's (protocol 1.4); the first two are read
 * wherever they stand, though nothing here puts a task there yet.
 */
export const TASK_STATES = [
  'blocked',
  'scheduled',
  'pending',
  'active',
  'awaiting',
  'retry',
  'aggregating',
  'completed',
  'cancelled',
  'archived',
] as const;

export type TaskState = (typeof TASK_STATES)[number];

/** States that can be counted and listed. */
export type ListedState = Exclude<TaskState, 'blocked' | 'awaiting'>;

/** States in which a task waits and may still be cancelled or deleted without touching an attempt. */
export const WAITING_STATES = ['scheduled', 'pending', 'retry'] as const satisfies readonly TaskState[];

/** States that a task does not leave by itself. */
export const FINAL_STATES = ['completed', 'cancelled', 'archived'] as const satisfies readonly TaskState[];
