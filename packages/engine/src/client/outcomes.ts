import { plainTaskId } from '@task-center/model';
import type { Durability, EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { isInDoubt } from '../errors/failures.ts';
import type { FailedItem, StoredItem, UnknownItem } from '../errors/some-not-stored.ts';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';

// What callers are told of tasks that were given to a broker.

/** A task that the broker has stored. */
export interface EnqueuedTask {
  /** The ID that was given, or the new one. */
  readonly id: string;
  readonly queue: string;
  readonly state: 'pending' | 'scheduled' | 'aggregating';
  /** Its earliest start, by the broker's clock. */
  readonly dueAt: Date;
}

/** Why a task of a batch is not stored, or why that is not known. */
export interface NotStored {
  readonly error: TaskCenterError;
  /** The task's ID, which may be a new one; null = the task is not valid and was given to no broker. */
  readonly id: string | null;
  readonly queue: string | null;
}

/** One outcome of `enqueueMany` with `outcomes`: the stored task, or the reason why it is not stored. */
export type EnqueueResult = { readonly task: EnqueuedTask } | NotStored;

/** The outcome of a task of a batch. */
export type BatchOutcome = EnqueuedTask | NotStored;

const idOf = ({ id, meta }: NewTask): string => plainTaskId(id, meta.business ?? null);

/**
 * Every stored task starts as a copy of this. Callers get plain objects, and V8 allocates copies in the young generation, which it
 * may not do for literals: `CompleteTask` says why that matters.
 */
const ANY_STORED: EnqueuedTask = { id: '', queue: '', state: 'pending', dueAt: new Date(0) };

/** The outcome of one task as callers see it: the stored task, or an error. */
export function storedTaskOrError(
  task: NewTask,
  outcome: EnqueueOutcome,
  durability: Durability,
): EnqueuedTask | TaskCenterError {
  const { queue, meta } = task;
  switch (outcome.code) {
    case 'created':
      return {
        ...ANY_STORED,
        id: idOf(task),
        queue,
        state: outcome.state,
        dueAt: new Date(outcome.dueMs),
      };
    case 'task-exists':
      return new TaskCenterError('task-exists', { id: task.id, queue });
    case 'duplicate-task': {
      const holder = outcome.holder === null ? null : plainTaskId(outcome.holder, meta.business ?? null);
      return new TaskCenterError('duplicate-task', { id: idOf(task), queue, holder });
    }
    case 'durability-not-reached':
      return new TaskCenterError('durability-not-reached', { id: idOf(task), queue, durability });
    case 'broker-corrupt':
      return new TaskCenterError('broker-corrupt', { queue, cause: outcome.cause });
    case 'failed':
      return outcome.error;
  }
}

/** The outcome of a task of a batch that was given to a broker, and failed. */
export const outcomeOfError = (task: NewTask, error: TaskCenterError): NotStored => ({
  error,
  id: idOf(task),
  queue: task.queue,
});

/** The outcome of a task of a batch as callers see it. */
export function batchOutcome(task: NewTask, outcome: EnqueueOutcome, durability: Durability): BatchOutcome {
  const stored = storedTaskOrError(task, outcome, durability);
  return stored instanceof TaskCenterError ? outcomeOfError(task, stored) : stored;
}

const isStored = (outcome: BatchOutcome): outcome is EnqueuedTask => !('error' in outcome);

export const toResults = (outcomes: readonly BatchOutcome[]): EnqueueResult[] =>
  outcomes.map((outcome) => (isStored(outcome) ? { task: outcome } : outcome));

/** The error of a batch with at least one task that is not stored. */
function someNotStored(outcomes: readonly BatchOutcome[]): TaskCenterError<'some-not-stored'> {
  const stored: StoredItem[] = [];
  const failed: FailedItem[] = [];
  const unknown: UnknownItem[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (isStored(outcome)) {
      stored.push({ index, task: outcome });
      continue;
    }
    const { error, id, queue } = outcome;
    const isUnknown = isInDoubt(outcome) || isTaskCenterError(error, 'durability-not-reached');
    if (isUnknown && id !== null && queue !== null) unknown.push({ index, id, queue, error });
    else failed.push({ index, error });
  }
  const cause = failed[0]?.error ?? unknown[0]?.error;
  return new TaskCenterError('some-not-stored', { stored, failed, unknown }, { cause });
}

/** The stored tasks. @throws TaskCenterError `some-not-stored` unless all are stored */
export function allStored(outcomes: BatchOutcome[]): EnqueuedTask[] {
  if (outcomes.every(isStored)) return outcomes;
  throw someNotStored(outcomes);
}
