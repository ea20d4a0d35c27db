import { DAY_MS, TASK_STATES, type TaskState } from '@task-center/model';
import { waitOf } from '../../../broker/given-back.ts';
import type { TaskRecord } from '../../../broker/inspect.ts';
import { SECOND_MS, secondsUp } from '../../../protocol/go-time.ts';
import { blankMessage, type TaskMessage } from '../../../protocol/message.ts';
import { decodeAttempts } from '../../../task/attempt-record.ts';
import { decodeProgress } from '../../../task/task-notes.ts';
import { decodeMeta } from '../../../task/meta.ts';
import { msOfNanoseconds } from '../scripts/inspect/queue-facts.ts';
import type { TaskRow } from '../scripts/inspect/task-row.ts';
import { parseAttemptState, type AttemptState } from './attempt-state.ts';
import { messageOrNull, payloadOf } from './stored-message.ts';

/** How long Asynq keeps archived tasks. */
const ARCHIVED_MS = 90 * DAY_MS;

/** Used in place of a message that cannot be read. All its fields are empty or 0. */
const UNREADABLE: TaskMessage = blankMessage();

/** For Asynq a cancelled task is `completed`; only our own state differs. An unknown state counts as archived. */
function stateOf({ state, ownState }: TaskRow): TaskState {
  if (state === 'completed' && ownState === 'cancelled') return 'cancelled';
  return TASK_STATES.find((known) => known === state) ?? 'archived';
}

/** Attempts that began. A Go worker only counts retries: its current or last attempt is added. */
function attemptsOf(state: TaskState, retried: number, { attempts, crashes }: AttemptState): number {
  const current = state === 'active' || state === 'completed' ? 1 : 0;
  return Math.max(attempts, retried + crashes + current);
}

/** The exact start if it agrees with the score in seconds; otherwise Go has moved the task since, and the score counts. */
function dueOf({ due, score }: TaskRow): number | null {
  if (score === null) return null;
  return due !== null && secondsUp(Number(due)) === score ? Number(due) : score * SECOND_MS;
}

/** What is stored in `tc:c`. `keep`: only if the task was running, for how many seconds it is kept once it is cancelled. */
interface StoredCancellation {
  readonly at: number;
  readonly reason?: string;
  readonly by?: string;
  readonly keep?: number;
}

/**
 * The cancellation, from the JSON in `tc:c`; null if the JSON is missing or damaged. Without an own state it belongs to a
 * task that was completed all the same, or that a Go tool has run again since.
 */
function cancelledOf({ cancellation, ownState, state }: TaskRow): TaskRecord['cancelled'] {
  if (ownState === null && state !== 'completed') return null;
  try {
    const { at, reason, by, keep } = JSON.parse(cancellation ?? '') as StoredCancellation;
    return {
      ...(reason !== undefined && { reason }),
      ...(by !== undefined && { by }),
      ...(keep !== undefined && { wasRunning: true }),
      atMs: at,
    };
  } catch {
    return null;
  }
}

/**
 * When the task was cancelled. The message has whole seconds, rounded down, and the request its exact time: one that waited
 * ended with the request, and none ended before it.
 */
function cancelledMs(row: TaskRow, completedMs: number | null): number | null {
  return Math.max(cancelledOf(row)?.atMs ?? 0, completedMs ?? 0) || null;
}

/** The times that have a meaning in the task's state; the others are null. */
function timesInState(
  row: TaskRow,
  state: TaskState,
  message: TaskMessage,
): Pick<TaskRecord, 'dueMs' | 'pendingSinceMs' | 'finishedMs' | 'expiresMs'> {
  const none = { dueMs: null, pendingSinceMs: null, finishedMs: null, expiresMs: null };
  const scoreMs = row.score === null ? null : row.score * SECOND_MS;
  const completedMs = message.completedAt > 0 ? message.completedAt * SECOND_MS : null;
  switch (state) {
    case 'scheduled':
    case 'retry':
      return { ...none, dueMs: dueOf(row) };
    case 'pending':
      return { ...none, pendingSinceMs: msOfNanoseconds(row.pendingSince) };
    case 'archived':
      return { ...none, finishedMs: scoreMs, expiresMs: scoreMs === null ? null : scoreMs + ARCHIVED_MS };
    case 'completed':
      return { ...none, finishedMs: completedMs, expiresMs: scoreMs };
    case 'cancelled':
      return { ...none, finishedMs: cancelledMs(row, completedMs), expiresMs: scoreMs };
    default:
      return none;
  }
}

/** The error of the last failed attempt. Asynq stores only its text and its time. */
function lastErrorOf({ errorMsg, lastFailedAt }: TaskMessage): TaskRecord['lastError'] {
  return errorMsg === ''
    ? null
    : { message: errorMsg, atMs: lastFailedAt > 0 ? lastFailedAt * SECOND_MS : null };
}

/** Whether a Go worker has run and failed the task since a worker of ours had it: it leaves our attempt state as it is. */
const hasFailedSince = ({ lastFailedAt }: TaskMessage, { startedMs }: AttemptState): boolean =>
  startedMs !== null && lastFailedAt * SECOND_MS > startedMs;

/** A stored task for inspection. If its message cannot be read: what is known without it. */
export function taskRecord(queue: string, row: TaskRow): TaskRecord {
  const message = (row.message && messageOrNull(row.message)?.message) ?? UNREADABLE;
  const meta = decodeMeta(row.meta);
  const attemptState = parseAttemptState(row.attemptState);
  const state = stateOf(row);
  return {
    queue,
    id: row.id,
    state,
    type: message.type,
    payload: payloadOf(message.payload, row.meta),
    headers: message.headers,
    maxRetries: message.retry,
    retried: message.retried,
    timeoutMs: message.timeout * SECOND_MS,
    deadlineMs: message.deadline * SECOND_MS,
    retentionMs: message.retention * SECOND_MS,
    group: message.groupKey === '' ? null : message.groupKey,
    meta,
    attempt: attemptsOf(state, message.retried, attemptState),
    crashes: attemptState.crashes,
    deferrals: attemptState.deferrals,
    waitingFor: hasFailedSince(message, attemptState) ? null : waitOf(state, attemptState.waitingFor),
    ...timesInState(row, state, message),
    startedMs: attemptState.startedMs,
    worker: attemptState.worker,
    orphaned: row.isLeaseExpired,
    lastError: lastErrorOf(message),
    result: row.result,
    cancelled: cancelledOf(row),
    progress: decodeProgress(row.progress),
    attempts: decodeAttempts(row.history, row.stacks),
  };
}
