import type { TaskState } from '@task-center/model';
import type { TaskCenterError } from '../errors/task-center-error.ts';
import type { TaskMeta } from '../task/meta.ts';
import type { CallOptions } from './call-options.ts';

/** A task as a broker stores it. The client has checked it and filled in all defaults. */
export interface NewTask {
  readonly queue: string;
  readonly id: string;
  readonly type: string;
  /** Kept byte for byte. Null = none; Asynq distinguishes it from an empty one only in unique keys. */
  readonly payload: Uint8Array | null;
  /** The task's context is among them, see `headersWith`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Retries after the first attempt. */
  readonly maxRetries: number;
  /**
   * Longest attempt; 0 = none. Stored as Asynq does, in whole seconds, rounded down, at least 1. The exact ms are in
   * `meta`.
   */
  readonly timeoutMs: number;
  /** Wall-clock ms after which no attempt may run; 0 = none. Stored in whole seconds, rounded up. */
  readonly deadlineMs: number;
  /** How long the completed task is kept; 0 = it is removed. Stored in whole seconds, rounded up. */
  readonly retentionMs: number;
  /** Start after this time from now, by the broker's clock; 0 = no delay. */
  readonly delayMs: number;
  /** Start at this wall-clock ms or later; 0 = at once. The later of `delayMs` and `runAtMs` counts. */
  readonly runAtMs: number;
  /**
   * How long no other task of the queue may have the same type and payload, at least 1,000, in whole seconds; 0 = no such
   * rule. For a delayed task it counts from its start. The lock is Asynq's and ends with the task:
   * docs/design/protocol.md#unique-locks.
   */
  readonly uniqueMs: number;
  /** Group in which it waits, once it is due, for its aggregation with others; null = none. */
  readonly group: string | null;
  readonly meta: TaskMeta;
}

/** What came of enqueueing one task. */
export type EnqueueOutcome =
  /** It is stored. `dueMs`: when it may start, wall-clock ms by the broker's clock. */
  | {
      readonly code: 'created';
      readonly state: Extract<TaskState, 'pending' | 'scheduled' | 'aggregating'>;
      readonly dueMs: number;
    }
  /** A task with this ID exists, in whatever state. It was not touched. */
  | { readonly code: 'task-exists' }
  /** Another task holds its unique lock. `holder` is the stored ID of that task; null = it is not known. */
  | { readonly code: 'duplicate-task'; readonly holder: string | null }
  /** It is stored, but the durability that the caller asked for was not reached within 1 s. */
  | {
      readonly code: 'durability-not-reached';
      readonly state: Extract<TaskState, 'pending' | 'scheduled' | 'aggregating'>;
      readonly dueMs: number;
    }
  /** A key of the queue or of the task has data that neither we nor Asynq wrote. Nothing was stored. */
  | { readonly code: 'broker-corrupt'; readonly cause: string }
  /**
   * The call that carried it failed, while others of the same `enqueue` did not. It is not stored, unless the error's outcome
   * is `unknown`: then it may be, and can be enqueued again with the same ID.
   */
  | { readonly code: 'failed'; readonly error: TaskCenterError };

/**
 * How safe a task is when enqueueing it ends: docs/design/engine.md#durability.
 *
 * - `memory`: the broker has it.
 * - `replicated`: at least one replica has it as well.
 * - `fsync`: it is on disk. A SQLite broker stores every task so.
 */
export type Durability = 'memory' | 'replicated' | 'fsync';

/** Options of `Submit.enqueue`. */
export interface EnqueueCallOptions extends CallOptions {
  /** Default `memory`. */
  readonly durability?: Durability;
}

/** What a client calls to store tasks. */
export interface Submit {
  /**
   * Stores tasks and registers their queues. A due task becomes pending (first in, first out), or aggregating if it has a
   * group. Other tasks become scheduled.
   *
   * An ID that exists is reported before a unique lock that is held, and takes no lock. With durability `memory` the tasks
   * are read from `tasks` before the first wait, and the first of them may be sent while the last are read.
   *
   * If some of the calls fail, each task has an outcome of its own. It rejects only if all calls failed; the error's outcome
   * is `unknown` if one of the tasks may be stored.
   *
   * @throws TaskCenterError `durability-unsupported`, `broker-unavailable`, `broker-full`, `broker-refused`, `broker-unsafe`,
   *   `broker-closed`
   */
  enqueue(tasks: Iterable<NewTask>, options?: EnqueueCallOptions): Promise<EnqueueOutcome[]>;
}
