// Ending attempts. Runs in the writer thread, as the first half of an exchange (consume.ts).
import type { Bytes } from '../../packing.ts';
import { cancelledRecord, encodeAttempt } from '../../../../task/attempt-record.ts';
import { ACTION, FINISH, HAS_LOCK, type FinishAction, type FinishItem, type Row } from '../../rows.ts';
import {
  ACTIVE,
  ARCHIVED,
  CANCELLED,
  COMPLETED,
  PENDING,
  RETRY,
  SCHEDULED,
  type StateNumber,
} from '../../states.ts';
import type { CountedAs, Ending } from '../after-finish.ts';
import type { NewestAttempt } from '../cancel-moves.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';

/** The finishes of one exchange. */
interface Finishing {
  /** The queues that the finishes name by index. */
  readonly entries: readonly (QueueEntry | undefined)[];
  readonly rows: readonly Row<FinishItem>[];
  /** One per row. */
  readonly results: readonly Bytes[];
}

/** A task's state after each action; null = it is removed. */
const STATE_AFTER: Readonly<Record<FinishAction, StateNumber | null>> = {
  [ACTION.remove]: null,
  [ACTION.complete]: COMPLETED,
  [ACTION.retry]: RETRY,
  [ACTION.archive]: ARCHIVED,
  [ACTION.requeue]: PENDING,
  [ACTION.defer]: SCHEDULED,
  [ACTION.revoke]: null,
};

/** What became of a finish: 0 = the lease was lost, 1 = accepted, 2 = accepted, and the task has ended as cancelled. */
export type FinishCode = 0 | 1 | 2;

const isSuccess = (action: FinishAction): boolean => action === ACTION.remove || action === ACTION.complete;

function countedAs({ action, failures }: FinishItem): CountedAs {
  if (isSuccess(action)) return 'succeeded';
  if (action === ACTION.revoke) return 'revoked';
  if (action === ACTION.requeue || action === ACTION.defer) return 'deferred';
  return action === ACTION.archive || failures === 1 ? 'failed' : 'uncounted';
}

/** What the steps after a finish need to know. */
function endingOf(finish: FinishItem, entry: QueueEntry, result: Bytes): Ending {
  const { seq, action, attempt, record, stack, related } = finish;
  const ended = { number: attempt, record, stack, result, countedAs: countedAs(finish) };
  return { entry, seq, state: STATE_AFTER[action], mayHaveLock: (related & HAS_LOCK) > 0, attempt: ended };
}

/** The record of an attempt that was cancelled. One that was given back has none of its own. */
function recordOf(
  { record }: FinishItem,
  { attempts, startedMs, worker }: NewestAttempt,
  nowMs: number,
): string {
  if (record !== null) return cancelledRecord(record);
  const times = { number: attempts, startedMs, finishedMs: nowMs };
  return encodeAttempt({ ...times, outcome: 'cancelled', ...(worker !== null && { worker }) });
}

/**
 * Makes the function that cancels a task whose attempt has not succeeded, if somebody has asked for that. It returns what the
 * steps after it need; null = nobody has, or the lease is lost.
 */
function createCanceller({ tasks }: Store) {
  return (finish: FinishItem, entry: QueueEntry, nowMs: number): Ending | null => {
    const { seq, action, related } = finish;
    const newest = isSuccess(action) ? null : tasks.cancellingAttempt(finish);
    if (!newest) return null;
    tasks.endCancelling({ entry, seq, state: ACTIVE, nowMs });
    const record = recordOf(finish, newest, nowMs);
    const attempt = { number: newest.attempts, record, result: null, countedAs: 'cancelledRunning' } as const;
    return { entry, seq, state: CANCELLED, mayHaveLock: (related & HAS_LOCK) > 0, attempt };
  };
}

/** Makes the function that writes what becomes of a task. It returns false if the lease was lost. */
function createWriter({ tasks }: Store) {
  return (
    finish: FinishItem,
    entry: QueueEntry,
    { order, nowMs }: { order: number; nowMs: number },
  ): boolean => {
    const { action, seq, token, error } = finish;
    const dueMs = nowMs + Math.ceil(finish.delayMs);
    switch (action) {
      case ACTION.remove:
      case ACTION.revoke:
        return tasks.remove({ entry, seq, state: ACTIVE, token }, finish.related);
      case ACTION.complete:
        return tasks.complete({ entry, seq, token, nowMs });
      case ACTION.retry:
        return tasks.retry({ entry, seq, token, dueMs, failures: finish.failures, error, nowMs });
      case ACTION.archive:
        return tasks.archiveFailed({ entry, seq, token, error, nowMs });
      case ACTION.requeue:
        return tasks.requeue({ entry, seq, token, order, nowMs });
      case ACTION.defer:
        return tasks.defer({ entry, seq, token, dueMs, waitingFor: finish.waitingFor });
    }
  };
}

/** Makes the function that ends attempts. It returns what became of each. */
export function createFinisher(store: Store) {
  const { tasks, sequence, afterFinish } = store;
  const cancel = createCanceller(store);
  const write = createWriter(store);

  return ({ entries, rows, results }: Finishing, { wallMs: nowMs }: Now): FinishCode[] => {
    const finishes = rows.map(FINISH.fromRow);
    const endings: Ending[] = [];
    // Requeued tasks go to the front of the pending tasks, in the order of the call.
    let order = sequence.reserveFront(finishes.filter(({ action }) => action === ACTION.requeue).length);
    const outcomes = finishes.map((finish, index): FinishCode => {
      const entry = entries[finish.queue];
      const cancelled = entry && cancel(finish, entry, nowMs);
      if (cancelled) {
        endings.push(cancelled);
        return 2;
      }
      const isAccepted = entry !== undefined && write(finish, entry, { order, nowMs });
      if (finish.action === ACTION.requeue) order += 1;
      // A finish whose lease was lost has no consequences.
      if (!isAccepted) return 0;
      tasks.dropRequest(finish.seq);
      endings.push(endingOf(finish, entry, results[index] ?? null));
      return 1;
    });
    afterFinish(endings, nowMs);
    return outcomes;
  };
}
