import { types } from 'node:util';
import { headersWith, MAX_DURATION_MS, NO_HEADERS, type TaskContext } from '@task-center/model';
import { boundedMs, durationMs } from '../checks/duration.ts';
import { invalidValue, TaskCenterError } from '../errors/task-center-error.ts';
import { backoffOf } from '../task/backoff-options.ts';
import {
  checkedGroup,
  checkedQueueName,
  checkedRetries,
  checkedTaskId,
  checkedTypeName,
  UNIQUE_BOUNDS,
} from '../task/checked.ts';
import { checkedContext, checkedHeaders, mergeHeaders, type TaskHeaders } from '../task/headers.ts';
import { NO_META } from '../task/meta.ts';
import type { EnqueueOptions } from './enqueue-options.ts';
import type { TaskDraft } from './make-task.ts';

// Checks the options of a task. Those that are left out stay undefined: `makeTask` knows their defaults.

function checkedTimeMs(date: Date, name: string, nowMs: number): number {
  const expected = 'a Date at most ten years ahead';
  if (!types.isDate(date)) throw invalidValue(name, date, expected);
  const ms = date.getTime();
  if (ms <= nowMs + MAX_DURATION_MS) return Math.max(1, ms);
  const got = Number.isNaN(ms) ? 'an invalid date' : date.toISOString();
  throw new TaskCenterError('invalid-value', { name, got, expected });
}

const NO_CONTEXT: TaskContext = Object.freeze({});

/** The headers that are stored. Most tasks have none. */
function headersOf(context: TaskContext, headers: EnqueueOptions['headers']): TaskHeaders {
  if (headers === undefined && context === NO_CONTEXT) return NO_HEADERS;
  return checkedHeaders(headersWith(context, mergeHeaders(undefined, headers)));
}

/** A task as it is enqueued: its type, its encoded payload and its options. */
export interface OptionsOfTask {
  readonly type: string;
  readonly payload: Uint8Array | null;
  readonly options: EnqueueOptions;
}

/**
 * Returns the task with its options checked and read.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function draftTask({ type, payload, options }: OptionsOfTask, nowMs: number): TaskDraft {
  const { timeout, maxRetries, deadline, retention } = options;
  const context = options.context === undefined ? NO_CONTEXT : checkedContext(options.context);
  const { id, delay, runAt, unique, group, backoff } = options;
  return {
    kind: 'handler',
    timeoutMs: timeout === undefined ? undefined : durationMs(timeout, 'timeout'),
    queue: options.queue === undefined ? 'default' : checkedQueueName(options.queue),
    id: id === undefined ? undefined : checkedTaskId(id),
    type: checkedTypeName(type),
    payload,
    context,
    headers: headersOf(context, options.headers),
    maxRetries: maxRetries === undefined ? undefined : checkedRetries(maxRetries),
    deadlineMs: deadline === undefined ? undefined : checkedTimeMs(deadline, 'deadline', nowMs),
    retentionMs: retention === undefined ? undefined : durationMs(retention, 'retention'),
    delayMs: delay === undefined ? undefined : durationMs(delay, 'delay'),
    runAtMs: runAt === undefined ? undefined : checkedTimeMs(runAt, 'runAt', nowMs),
    uniqueMs: unique === undefined ? undefined : boundedMs(unique, 'unique', UNIQUE_BOUNDS),
    group: group === undefined ? undefined : checkedGroup(group),
    backoff: backoff === undefined ? undefined : backoffOf(backoff),
    meta: NO_META,
  };
}
