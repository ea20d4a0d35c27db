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
  /**
   * Longest attempt; 0 = none. Stored as Asynq does, in whole seconds without the rest, but at least 1 (protocol
   * 2.5, D33); the exact ms in `meta`.
   */
  readonly timeoutMs: number;
  /** Wall-clock ms after which no attempt may run; 0 = none. Stored in whole seconds, rounded up. */
  readonly deadlineMs: number;
  /** How long the completed task is kept; 0 = it vanishes. Stored in whole seconds, rounded up. */
  readonly retentionMs: number;
  /** Start this long after now, by the broker's clock; 0 = no delay. */
  readonly delayMs: number;
  /** Start not before this wall-clock ms; 0 = at once. The later of the two counts. */
  readonly runAtMs: number;
  /**
   * For so long no other task of the queue may have the same type and payload; counted from the start where it is
   * delayed; at least 1,000, in whole seconds; 0 = no such rule. The lock is Asynq's (protocol 1.5), and ends with the task.
   */
  readonly uniqueMs: number;
  /** Group in which it waits, once it is due, to be aggregated with others; null = none. */
  readonly group: string | null;
  readonly meta: TaskMeta;
}

export type EnqueueOutcome =
  /** `dueMs`: when it may start, wall-clock ms by the broker's clock. */
  | {
      readonly code: 'created';
      readonly state: Extract<TaskState, 'pending' | 'scheduled' | 'aggregating'>;
      readonly dueMs: number;
    }
  /** The ID is taken, in whatever state; the existing task is untouched. */
  | { readonly code: 'task-exists' }
  /** Another task holds its unique lock; `holder` is that task's stored ID, null where it cannot be told. */
  | { readonly code: 'duplicate-task'; readonly holder: string | null }
  /** It is stored, in that state, but not as safely as was asked for within 1 s. */
  | {
      readonly code: 'durability-not-reached';
      readonly state: Extract<TaskState, 'pending' | 'scheduled' | 'aggregating'>;
      readonly dueMs: number;
    }
  /** What stands under the queue's or the task's name is not ours. */
  | { readonly code: 'broker-corrupt'; readonly cause: string };

/**
 * How safe a task is when its enqueueing ends: `memory`: stored as the broker stores all; `replicated`: at least one
 * replica has it, too; `fsync`: it is on the disk. A SQLite broker has all tasks on the disk.
 */
export type Durability = 'memory' | 'replicated' | 'fsync';

export interface EnqueueCallOptions extends CallOptions {
  /** Default `memory`. */
  readonly durability?: Durability;
}

export interface Submit {
  /**
   * Stores tasks: due ones pending (first in, first out) or aggregating in their group, others scheduled. Registers
   * their queues. A taken ID is told before a held lock, and takes no lock. With durability `memory` the tasks are read
   * before anything is waited for, and the first may be on their way while the last are read.
   *
   * @throws TaskCenterError `durability-unsupported` before anything is stored
   */
  enqueue(tasks: Iterable<NewTask>, options?: EnqueueCallOptions): Promise<EnqueueOutcome[]>;
}
