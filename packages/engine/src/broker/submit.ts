import type { TaskMeta } from '../task/meta.ts';
import type { TaskState } from '../task/state.ts';
import type { CallOptions } from './call-options.ts';

/** A task as it is handed to a broker: everything decided and checked. */
export interface NewTask {
  readonly queue: string;
  readonly id: string;
  readonly type: string;
  /** Kept byte for byte; null = no payload was given (Asynq tells it from empty only in unique keys). */
  readonly payload: Uint8Array | null;
  /** The context is among them, see `headersWith`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Retries after the first attempt. */
  readonly maxRetries: number;
  /** Longest attempt; 0 = none. Stored in whole seconds, rounded up; the exact ms in `meta`. */
  readonly timeoutMs: number;
  /** Wall-clock ms after which no attempt may run; 0 = none. Stored in whole seconds, rounded up. */
  readonly deadlineMs: number;
  /** How long the completed task is kept; 0 = it vanishes. Stored in whole seconds, rounded up. */
  readonly retentionMs: number;
  /** Start this long after now, by the broker's clock; 0 = no delay. */
  readonly delayMs: number;
  /** Start not before this wall-clock ms; 0 = at once. The later of the two counts. */
  readonly runAtMs: number;
  readonly meta: TaskMeta;
}

export type EnqueueOutcome =
  /** `dueMs`: when it may start, wall-clock ms by the broker's clock. */
  | {
      readonly code: 'created';
      readonly state: Extract<TaskState, 'pending' | 'scheduled'>;
      readonly dueMs: number;
    }
  /** The ID is taken, in whatever state; the existing task is untouched. */
  | { readonly code: 'task-exists' }
  /** What stands under the queue's or the task's name is not ours. */
  | { readonly code: 'broker-corrupt'; readonly cause: string };

export interface Submit {
  /** Stores tasks: due ones pending (first in, first out), others scheduled. Registers their queues. */
  enqueue(tasks: readonly NewTask[], options?: CallOptions): Promise<EnqueueOutcome[]>;
}
