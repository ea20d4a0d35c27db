/**
 * The states of a task. All but `blocked`, `awaiting` and `cancelled` are Asynq's. `blocked` and `awaiting` are
 * understood when they are read, but no code here sets them yet. See docs/design/engine.md#states.
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

/**
 * States in which a task waits for its next attempt. It can be cancelled or deleted there without touching an attempt.
 */
export const WAITING_STATES = ['scheduled', 'pending', 'retry'] as const satisfies readonly TaskState[];

/** States that a task leaves only when an operator changes it, or when it is removed. */
export const FINAL_STATES = ['completed', 'cancelled', 'archived'] as const satisfies readonly TaskState[];

/** States in which no attempt of a task runs: it waits, or it has ended. The tasks of a group are left out. */
export const INACTIVE_STATES = [...WAITING_STATES, ...FINAL_STATES] as const;
