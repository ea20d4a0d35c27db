import type { AttemptRecord } from '../task/attempt-record.ts';
import type { TaskMeta } from '../task/meta.ts';
import type { CallOptions } from './call-options.ts';

/** The right to run one attempt: `token` is its fence, constant for the attempt, never 0 (design D6). */
export interface Lease {
  readonly queue: string;
  readonly id: string;
  readonly token: number;
}

/** A task as a worker gets it, with its lease. */
export interface LeasedTask extends Lease {
  readonly type: string;
  readonly payload: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxRetries: number;
  /** Retries counted so far. */
  readonly retried: number;
  /** 0 = none. */
  readonly timeoutMs: number;
  /** Wall-clock ms; 0 = none. */
  readonly deadlineMs: number;
  readonly retentionMs: number;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Attempts lost with their worker. */
  readonly crashes: number;
  /** When it became pending, wall-clock ms; null where unknown. */
  readonly pendingSinceMs: number | null;
  readonly meta: TaskMeta;
  /** The broker's own note on the task; handed back with its finish. */
  readonly source: unknown;
}

interface FinishOf {
  readonly task: LeasedTask;
  /** The attempt's record; kept where the task is kept. */
  readonly record: AttemptRecord;
}

/** How an attempt ended, as the worker decided it. */
export type Finish =
  /** Kept for the task's retention, with its result; at retention 0 it vanishes. */
  | (FinishOf & { readonly outcome: 'succeeded'; readonly result: Uint8Array | null })
  /** To run again after `delayMs`; `countsAsFailure`: false neither counts a retry nor a failure. */
  | (FinishOf & { readonly outcome: 'retry'; readonly delayMs: number; readonly countsAsFailure: boolean })
  /** Failed for good: a dead letter. */
  | (FinishOf & { readonly outcome: 'archive' })
  /** Wanted gone by its handler: vanishes whatever its retention, counted as processed only. */
  | (FinishOf & { readonly outcome: 'revoked' })
  /** Given back unfinished: next to run, nothing counted, no record kept. */
  | { readonly task: LeasedTask; readonly outcome: 'requeue' };

/** `lease-lost`: the lease had gone to somebody else; nothing was written. */
export type FinishOutcome = 'accepted' | 'lease-lost';

/** A result that a handler gives before it ends. */
export interface EarlyResult {
  readonly task: LeasedTask;
  /** At most 256 KiB. */
  readonly result: Uint8Array;
}

export interface Exchange {
  readonly finishes: readonly Finish[];
  /** Queues to take tasks from, in this order; paused ones yield nothing. */
  readonly queues: readonly string[];
  /**
   * How many to take of each queue at first; the room that is left then goes to those that have more, in order.
   * Left out: of each as many as it has.
   */
  readonly shares?: readonly number[];
  /** Most tasks to take; 0 = only finish. A call takes at most 256, and 512 KiB of messages (one always fits). */
  readonly room: number;
  /** Length of the leases taken. */
  readonly leaseMs: number;
  /** Who takes them, for people: `[A-Za-z0-9_.:-]{1,100}`. */
  readonly worker: string;
}

export interface ExchangeOutcome {
  /** One per finish, in order. */
  readonly finished: readonly FinishOutcome[];
  readonly tasks: readonly LeasedTask[];
  /** IDs that were dropped or set aside because nobody can read them. */
  readonly quarantined: readonly { readonly queue: string; readonly ids: readonly string[] }[];
}

export interface Consume {
  /** Finishes attempts and takes new tasks in one call. Tasks come in the queues' order, each first in, first out. */
  exchange(exchange: Exchange, options?: CallOptions): Promise<ExchangeOutcome>;
  /** Renews leases to `lengthMs` from now (0 = they end now); false = it is no longer this token's. */
  extend(leases: readonly Lease[], lengthMs: number): Promise<boolean[]>;
  /**
   * Keeps results of attempts that go on, in place of earlier ones; they stay with the task over its retries. A
   * success with a result of its own replaces it. False = the lease is no longer this token's, nothing was written.
   */
  keepResults(results: readonly EarlyResult[]): Promise<boolean[]>;
}
