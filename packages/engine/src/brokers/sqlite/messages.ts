// The messages that the two threads post to each other. What calls and answers consist of is in packing.ts.
import type { FromRenewer, ToRenewer } from '../../leases/renewer-messages.ts';
import type { TaskRef } from '../../runtime/events.ts';
import type { AllowableFinding, BrokerFinding } from '../../broker/findings.ts';
import type { WireError } from './errors.ts';
import type { Batch } from './packing.ts';
import type { QueueChange } from './states.ts';

/** What is found about the file. */
export type FileFinding = Omit<BrokerFinding, 'sinceMs'>;

/** What the thread is started with. */
export interface WriterData {
  /** Findings with which the file is used all the same. */
  readonly allow: readonly AllowableFinding[];
  readonly path: string;
  /** The time set by a test; null = real time. */
  readonly nowMs: number | null;
  /** Origin of the main thread's monotonic clock: each thread has its own. */
  readonly originMs: number;
  /** Of the gate that the thread passes with its calls of the driver. */
  readonly gate: SharedArrayBuffer;
}

/** The size of a copy, or why there is none. */
export type BackupResult = { readonly bytes: number } | { readonly error: WireError };

export interface BackupAnswer {
  readonly kind: 'backup';
  readonly id: number;
  readonly result: BackupResult;
}

export type ToWriter =
  /** Requests; `nowMs` is the time set by a test. */
  | { readonly kind: 'calls'; readonly batch: Batch; readonly nowMs: number | null }
  | { readonly kind: 'renewer'; readonly message: ToRenewer }
  /** Write a copy to a new file; `path` null = the copy with this ID is not wanted any more. */
  | { readonly kind: 'backup'; readonly id: number; readonly path: string | null }
  /** Answer everything received so far, then close the file and end. */
  | { readonly kind: 'close' };

export type FromWriter =
  /** The first message if the file is open: all its queues. */
  | {
      readonly kind: 'ready';
      readonly queueChanges: readonly QueueChange[];
      readonly found: readonly FileFinding[];
    }
  /** The first message if the file cannot be used. The thread then ends. */
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'renewer'; readonly message: FromRenewer }
  | BackupAnswer
  /** Replaces what was found about the file. */
  | { readonly kind: 'found'; readonly found: readonly FileFinding[] }
  /** Another process owns the file now. This process must end without closing it: closing writes to it. */
  | { readonly kind: 'lost' }
  /** The file can no longer be used until the process is started again. */
  | { readonly kind: 'broken'; readonly cause: string }
  /** Answers to the oldest open calls, in the order of the calls. */
  | {
      readonly kind: 'answers';
      readonly batch: Batch;
      readonly queueChanges: readonly QueueChange[];
      /** Awaited tasks that have ended. */
      readonly ended: readonly TaskRef[];
      /** Why the file can no longer be written; null while it can. */
      readonly brokenCause: string | null;
    };
