import type { AttemptRecord } from '@task-center/model';
import type { Finish, LeasedTask } from '../../src/broker/consume.ts';
import type { NewTask } from '../../src/broker/submit.ts';

let tasksMade = 0;

/** A task that runs at once and has no retention. A test overrides only what matters to it. IDs are unique. */
export function aTask(overrides: Partial<NewTask> = {}): NewTask {
  tasksMade += 1;
  return {
    queue: 'default',
    id: `task-${tasksMade}`,
    type: 'test:run',
    payload: Buffer.from('{"a":1}'),
    headers: {},
    maxRetries: 3,
    timeoutMs: 1_800_000,
    deadlineMs: 0,
    retentionMs: 0,
    delayMs: 0,
    runAtMs: 0,
    uniqueMs: 0,
    group: null,
    meta: {},
    ...overrides,
  };
}

/** `count` tasks that differ only in their IDs `<prefix>0`, `<prefix>1` … */
export function manyTasks(count: number, prefix: string, overrides: Partial<NewTask> = {}): NewTask[] {
  return Array.from({ length: count }, (_, i) => aTask({ id: `${prefix}${i}`, ...overrides }));
}

const EPOCH_MS = 1_767_225_600_000;

/** The record of the current attempt of a task, which has failed. */
export function aRecord(task: LeasedTask, overrides: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number: task.attempt,
    startedMs: EPOCH_MS,
    finishedMs: EPOCH_MS + 12,
    outcome: 'failed',
    error: { class: 'Error', message: 'the handler failed' },
    ...overrides,
  };
}

/** The record of the current attempt of a task, which has succeeded. */
export function aSuccess(task: LeasedTask): AttemptRecord {
  return { number: task.attempt, startedMs: EPOCH_MS, finishedMs: EPOCH_MS + 12, outcome: 'succeeded' };
}

/** The ways to finish an attempt, each with a fitting record. */
export const finish = {
  succeeded: (task: LeasedTask, result: Uint8Array | null = null): Finish => ({
    task,
    outcome: 'succeeded',
    result,
    record: aSuccess(task),
  }),
  retry: (task: LeasedTask, delayMs: number, countsAsFailure = true): Finish => ({
    task,
    outcome: 'retry',
    delayMs,
    countsAsFailure,
    record: aRecord(task),
  }),
  archive: (task: LeasedTask): Finish => ({ task, outcome: 'archive', record: aRecord(task) }),
  revoked: (task: LeasedTask): Finish => ({ task, outcome: 'revoked', record: aRecord(task) }),
  requeue: (task: LeasedTask): Finish => ({ task, outcome: 'requeue' }),
  defer: (task: LeasedTask, delayMs: number, reason = 'no worker for this type'): Finish => ({
    task,
    outcome: 'defer',
    delayMs,
    reason,
  }),
} as const;
