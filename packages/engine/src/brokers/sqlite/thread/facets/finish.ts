// Ending attempts. Runs in the writer thread, as the first half of an exchange (consume.ts).
import type { Bytes } from '../../packing.ts';
import { ACTION, FINISH, HAS_LOCK, type FinishAction, type FinishItem, type Row } from '../../rows.ts';
import { ACTIVE, ARCHIVED, COMPLETED, PENDING, RETRY, SCHEDULED, type StateNumber } from '../../states.ts';
import type { AttemptEnding, Ending } from '../after-finish.ts';
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
};

/** An attempt that was given back was not processed. Neither was one that is retried without counting as a failure. */
function countedAs({ action, failures }: FinishItem): AttemptEnding['countedAs'] {
  if (action === ACTION.remove || action === ACTION.complete) return 'succeeded';
  return action === ACTION.archive || (action === ACTION.retry && failures === 1) ? 'failed' : null;
}

/** What the steps after a finish need to know. */
function endingOf(finish: FinishItem, entry: QueueEntry, result: Bytes): Ending {
  const { seq, action, attempt, record, related } = finish;
  const ended = { number: attempt, record, result, countedAs: countedAs(finish) };
  return { entry, seq, state: STATE_AFTER[action], mayHaveLock: (related & HAS_LOCK) > 0, attempt: ended };
}

/** Makes the function that ends attempts. It returns one number per finish: 1 = accepted, 0 = the lease was lost. */
export function createFinisher({ tasks, sequence, afterFinish }: Store) {
  /** Writes what becomes of the task. False = the lease was lost. */
  function write(
    finish: FinishItem,
    entry: QueueEntry,
    { order, nowMs }: { order: number; nowMs: number },
  ): boolean {
    const { action, seq, token, error } = finish;
    const dueMs = nowMs + Math.ceil(finish.delayMs);
    switch (action) {
      case ACTION.remove:
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
  }

  return ({ entries, rows, results }: Finishing, { wallMs: nowMs }: Now): (0 | 1)[] => {
    const finishes = rows.map(FINISH.fromRow);
    const endings: Ending[] = [];
    // Requeued tasks go to the front of the pending tasks, in the order of the call.
    let order = sequence.reserveFront(finishes.filter(({ action }) => action === ACTION.requeue).length);
    const outcomes = finishes.map((finish, index) => {
      const entry = entries[finish.queue];
      const isAccepted = entry !== undefined && write(finish, entry, { order, nowMs });
      if (finish.action === ACTION.requeue) order += 1;
      // A finish whose lease was lost has no consequences.
      if (isAccepted) endings.push(endingOf(finish, entry, results[index] ?? null));
      return isAccepted ? 1 : 0;
    });
    afterFinish(endings, nowMs);
    return outcomes;
  };
}
