// What happens when a task or an attempt has ended, whatever ended it: a worker, a person, a loop or an aggregator. A handler
// that ends tasks writes their new states (tasks.ts), then calls this once with all the endings of its request. Something
// that must follow every ending is one more step in the list. Runs in the writer thread.
import type { Bytes } from '../packing.ts';
import type { EndState } from '../../../broker/fires.ts';
import type { QueueTotals } from '../../../broker/totals.ts';
import { ARCHIVED, CANCELLED, COMPLETED, type StateNumber } from '../states.ts';
import type { QueueEntry, QueueRegistry } from './queue-registry.ts';
import type { Attempts } from './tables/attempts.ts';
import type { Bodies } from './tables/bodies.ts';
import type { Counters } from './tables/counters.ts';
import type { Fires } from './tables/fires.ts';
import type { Locks } from './tables/locks.ts';

/** The end of a task, or of an attempt of a task that will run again. */
export interface Ending {
  readonly entry: QueueEntry;
  readonly seq: number;
  /** The task's state now; null = it was removed, and with it all that belonged to it. */
  readonly state: StateNumber | null;
  /** False = it has no unique lock. */
  readonly mayHaveLock: boolean;
  /** The attempt that ended; null = the task was not running. */
  readonly attempt: AttemptEnding | null;
}

export interface AttemptEnding {
  /** From 1. */
  readonly number: number;
  /** Encoded; null = no record is kept. */
  readonly record: string | null;
  /** Where it failed, see `encodeStack`; left out = it did not, or nobody knows. */
  readonly stack?: string;
  readonly result: Bytes;
  readonly countedAs: CountedAs;
}

/** What an attempt that ended adds to, of the queue's totals. */
export type CountedAs = keyof typeof IS_PROCESSED;

/** Whether it also counts as processed, as in Asynq. */
const IS_PROCESSED = {
  succeeded: true,
  failed: true,
  cancelledRunning: true,
  revoked: true,
  uncounted: false,
  deferred: false,
  recovered: false,
} as const satisfies Partial<Record<keyof QueueTotals, boolean>>;

export interface AfterFinishDeps {
  readonly queues: QueueRegistry;
  readonly attempts: Attempts;
  readonly bodies: Bodies;
  readonly counters: Counters;
  readonly locks: Locks;
  readonly fires: Fires;
}

/** One step that follows endings, or all these steps in order. */
export type AfterFinish = (endings: readonly Ending[], nowMs: number) => void;

/** A task that stays keeps its lock while it may run again; an archived one does until the lock's time is over, as in Asynq. */
function releaseLocks({ locks }: AfterFinishDeps): AfterFinish {
  return (endings) => {
    for (const { seq, state, mayHaveLock } of endings)
      if (mayHaveLock && (state === COMPLETED || state === CANCELLED)) locks.release(seq);
  };
}

function keepFinalResults({ bodies }: AfterFinishDeps): AfterFinish {
  return (endings) => {
    for (const { seq, state, attempt } of endings)
      if (state === COMPLETED && attempt && attempt.result !== null) bodies.keepResult(seq, attempt.result);
  };
}

function keepAttempts({ attempts }: AfterFinishDeps): AfterFinish {
  return (endings) => {
    for (const { seq, state, attempt } of endings)
      if (state !== null && attempt && attempt.record !== null)
        attempts.keep(seq, attempt.number, { record: attempt.record, stack: attempt.stack ?? '' });
  };
}

/** How a task has ended; null = it goes on. One that is removed by its own attempt has succeeded. */
function runEndOf({ state, attempt }: Ending): EndState | null {
  if (state === null) return attempt === null ? 'gone' : 'completed';
  if (state === COMPLETED) return 'completed';
  if (state === CANCELLED) return 'cancelled';
  return state === ARCHIVED ? 'archived' : null;
}

/** Ends of tasks of schedules are lines of their history. A queue without such tasks pays one comparison per end. */
function recordRuns({ fires }: AfterFinishDeps): AfterFinish {
  return (endings, nowMs) => {
    for (const ending of endings) {
      if (ending.entry.runs === 0) continue;
      const how = runEndOf(ending);
      if (how !== null) fires.endTask(ending.seq, { entry: ending.entry, how, nowMs: Math.floor(nowMs) });
    }
  };
}

/** Writes the counters of processed attempts once per queue. The registry writes the others. */
function count({ counters, queues }: AfterFinishDeps): AfterFinish {
  return (endings, nowMs) => {
    const sums = new Map<QueueEntry, { processed: number; failed: number }>();
    for (const { entry, attempt } of endings) {
      if (attempt === null) continue;
      const { countedAs } = attempt;
      if (countedAs !== 'succeeded' && countedAs !== 'failed') queues.count(entry, countedAs, 1);
      if (!IS_PROCESSED[countedAs]) continue;
      const sum = sums.get(entry) ?? { processed: 0, failed: 0 };
      sum.processed += 1;
      if (countedAs === 'failed') sum.failed += 1;
      sums.set(entry, sum);
    }
    for (const [{ number: queue }, { processed, failed }] of sums)
      counters.add({ queue, processed, failed }, nowMs);
  };
}

export function createAfterFinish(deps: AfterFinishDeps): AfterFinish {
  const steps = [
    releaseLocks(deps),
    keepFinalResults(deps),
    keepAttempts(deps),
    recordRuns(deps),
    count(deps),
  ];
  return (endings, nowMs) => {
    for (const step of steps) step(endings, nowMs);
  };
}
