import type { EnqueueOutcome, NewTask, TaskRecord } from '@task-center/engine';

type Created = Extract<EnqueueOutcome, { code: 'created' }>;

/** A task that has just been stored, as reading it would show it. */
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
