import {
  DEFAULT_TIMEOUT_MS,
  fitsBytes,
  headersWith,
  isBackoff,
  MAX_DURATION_MS,
  MAX_GROUP_BYTES,
  MAX_RETRIES,
  MIN_UNIQUE_MS,
  NO_HEADERS,
  storedTaskId,
  type Backoff,
  type Duration,
  type TaskContext,
} from '@task-center/model';
import type { NewTask } from '../broker/submit.ts';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { checkedQueueName, checkedTaskId, checkedTypeName, durationMs } from '../task/checked.ts';
import { NO_META, type TaskMeta } from '../task/meta.ts';
import type { EnqueueOptions } from './enqueue-options.ts';

// Checks the options of a task and applies their defaults. The result is complete: brokers decide nothing about a task.
// See docs/design/protocol.md#building-a-task.

/** A task before its options are checked. */
export interface TaskDraft {
  readonly type: string;
  readonly payload: Uint8Array | null;
  readonly options: EnqueueOptions;
  /** The option, or the default that applies. */
  readonly maxRetries: number;
}

function checkedRetries(maxRetries: number): number {
  // As in Asynq, a negative number means no retries.
  if (Number.isInteger(maxRetries) && maxRetries <= MAX_RETRIES) return Math.max(0, maxRetries);
  const expected = `a whole number up to ${MAX_RETRIES}`;
  throw new TaskCenterError('invalid-value', { name: 'maxRetries', got: shown(maxRetries), expected });
}

function checkedBackoff(backoff: Backoff): Backoff {
  if (isBackoff(backoff)) return backoff;
  throw new TaskCenterError('invalid-value', {
    name: 'backoff',
    got: shown(JSON.stringify(backoff)),
    expected: 'the kind exponential, linear, fixed or list with all of its fields, each a number from 0',
  });
}

function checkedTimeMs(date: Date, name: string, nowMs: number): number {
  const ms = date.getTime();
  if (ms <= nowMs + MAX_DURATION_MS) return Math.max(1, ms);
  throw new TaskCenterError('invalid-value', {
    name,
    got: Number.isNaN(ms) ? 'an invalid date' : date.toISOString(),
    expected: 'a time at most ten years ahead',
  });
}

function checkedUniqueMs(unique: Duration): number {
  const ms = durationMs(unique, 'unique');
  if (ms >= MIN_UNIQUE_MS) return ms;
  throw new TaskCenterError('invalid-value', { name: 'unique', got: `${ms} ms`, expected: 'at least 1 s' });
}

function checkedGroup(group: string): string {
  const isValid = group.trim() !== '' && group.isWellFormed() && fitsBytes(group, MAX_GROUP_BYTES);
  if (isValid) return group;
  const expected = `a text of 1 to ${MAX_GROUP_BYTES} bytes that is not blank`;
  throw new TaskCenterError('invalid-value', { name: 'group', got: shown(group), expected });
}

const NO_CONTEXT: TaskContext = Object.freeze({});

/** What the message cannot hold: the business, an own backoff, and a timeout with parts of a second. */
function metaOf({ context, backoff }: EnqueueOptions, timeoutMs: number): TaskMeta {
  if (context?.businessId === undefined && backoff === undefined && timeoutMs % 1_000 === 0) return NO_META;
  return {
    ...(context?.businessId !== undefined && { business: context.businessId }),
    ...(backoff !== undefined && { backoff: checkedBackoff(backoff) }),
    ...(timeoutMs % 1_000 !== 0 && { timeoutMs }),
  };
}

/**
 * Builds a checked task from a draft. The ID is stored with its business, see `storedTaskId`.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function buildTask(
  { type, payload, options, maxRetries }: TaskDraft,
  { clock, newId }: Runtime,
): NewTask {
  const nowMs = clock.wallMs();
  const { context = NO_CONTEXT, headers = NO_HEADERS, retention, delay } = options;
  const timeoutMs =
    options.timeout === undefined && options.deadline === undefined
      ? DEFAULT_TIMEOUT_MS
      : durationMs(options.timeout ?? '0s', 'timeout');
  return {
    queue: checkedQueueName(options.queue ?? 'default'),
    id: storedTaskId(
      options.id === undefined ? newId() : checkedTaskId(options.id),
      context.businessId ?? null,
    ),
    type: checkedTypeName(type),
    payload,
    headers: headersWith(context, headers),
    maxRetries: checkedRetries(maxRetries),
    timeoutMs,
    deadlineMs: options.deadline === undefined ? 0 : checkedTimeMs(options.deadline, 'deadline', nowMs),
    retentionMs: retention === undefined ? 0 : durationMs(retention, 'retention'),
    delayMs: delay === undefined ? 0 : durationMs(delay, 'delay'),
    runAtMs: options.runAt === undefined ? 0 : checkedTimeMs(options.runAt, 'runAt', nowMs),
    uniqueMs: options.unique === undefined ? 0 : checkedUniqueMs(options.unique),
    group: options.group === undefined ? null : checkedGroup(options.group),
    meta: metaOf(options, timeoutMs),
  };
}
