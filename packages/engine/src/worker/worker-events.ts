import type { TaskRef } from '../runtime/events.ts';

/** An attempt that has ended, and whose end the broker has accepted. */
export interface AttemptEvent {
  /** As they are stored. */
  readonly task: TaskRef;
  readonly type: string;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** How long the handler ran, ms. */
  readonly runMs: number;
}

/** What a worker tells of its attempts, to listeners of `worker.on`. */
export interface WorkerEvents {
  /** The task has succeeded. */
  completed: AttemptEvent;
  /** An attempt has failed, the last one too. One that `isFailure` does not count is left out. */
  failed: AttemptEvent & {
    /** What the handler threw, or why it was ended. */
    readonly error: unknown;
    /** Why the task is or is not retried, in words. */
    readonly reason: string;
    /** Start of the next attempt; null = there is none, and `archived` follows. */
    readonly nextAt: Date | null;
  };
  /** The task is a dead letter: its last attempt has failed. */
  archived: AttemptEvent & { readonly error: unknown; readonly reason: string };
}

export const WORKER_EVENTS: readonly (keyof WorkerEvents)[] = ['completed', 'failed', 'archived'];
