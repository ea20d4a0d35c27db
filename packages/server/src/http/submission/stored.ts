import type { EnqueueOutcome, NewTask, TaskRecord } from '@task-center/engine';

type Created = Extract<EnqueueOutcome, { code: 'created' }>;

/**
 * The record of a task that has just been stored, equal to what reading it would give. It saves a round trip for each
 * submission. A new field of `TaskRecord` needs its initial value here.
 */
export function storedRecord(task: NewTask, { state, dueMs }: Created): TaskRecord {
  const { delayMs: _delay, runAtMs: _runAt, uniqueMs: _unique, ...same } = task;
  return {
    ...same,
    state,
    retried: 0,
    attempt: 0,
    crashes: 0,
    deferrals: 0,
    dueMs: state === 'scheduled' ? dueMs : null,
    pendingSinceMs: state === 'pending' ? dueMs : null,
    startedMs: null,
    worker: null,
    orphaned: false,
    finishedMs: null,
    expiresMs: null,
    lastError: null,
    result: null,
    cancelled: null,
    attempts: [],
  };
}
