/**
 * Turns a submitted task into one for the broker. This is the only way from HTTP to storage: single tasks and batches
 * both use it.
 */
import { v7 as uuidv7 } from 'uuid';
import { instantMs, parseDuration, type CheckedTask } from '@task-center/api';
import {
  headersWith,
  storedQueue,
  storedTaskId,
  type NewTask,
  type TaskContext,
  type TaskMeta,
} from '@task-center/engine';
import { requireQueue, type Principal } from '../../auth/principal.ts';
import type { UrlRules } from '../../callbacks/url-rules.ts';
import { invalid } from '../../problem.ts';
import { callbackFaults, storedCallback } from './callback.ts';
import { businessOf, contextFor } from './context.ts';
import { queueOf, taskFaults } from './faults.ts';
import { payloadOf, type Payload } from './payload.ts';
import { retryOf } from './retry.ts';

const DAY_MS = 86_400_000;
/** Default timeouts: a callback should answer quickly, a handler may work as long as in Asynq. */
const TIMEOUT_MS = { callback: 10_000, handler: 30 * 60_000 } as const;
/** Default retention of completed tasks. */
const RETENTION_MS = DAY_MS;

/** What a submission brings beside the task itself. */
export interface Submission {
  readonly principal: Principal;
  readonly headers: Headers;
  readonly rules: UrlRules;
  /** Time of the submission, wall-clock ms. */
  readonly nowMs: number;
  /** Path of the task in the body: `[]` or `['tasks', 3]`. */
  readonly basePath: readonly (string | number)[];
}

const durationMs = (text: string | undefined, fallbackMs: number) =>
  text === undefined ? fallbackMs : (parseDuration(text) ?? 0);
const timeMs = (text: string | undefined) => (text === undefined ? 0 : (instantMs(text) ?? 0));

/** @throws ProblemError `validation-failed` with all findings, else `url-blocked` */
function check(task: CheckedTask, { rules, basePath }: Submission): void {
  const items = taskFaults(task, basePath);
  const callback = task.callback && callbackFaults(task.callback, { rules, basePath });
  const found = [...items, ...(callback?.items ?? [])];
  if (found.length > 0) throw invalid(found);
  if (callback?.blocked) throw callback.blocked;
}

/** Durations and times in ms; 0 = none. `scheduledMs`: when the task should first run; null = at once. */
function timesOf(task: CheckedTask, nowMs: number) {
  const kind = task.callback === undefined ? 'handler' : 'callback';
  const delayMs = durationMs(task.delay, 0);
  const runAtMs = timeMs(task.run_at);
  const dueMs = Math.max(nowMs + delayMs, runAtMs);
  return {
    timeoutMs: durationMs(task.timeout, TIMEOUT_MS[kind]),
    deadlineMs: timeMs(task.deadline),
    retentionMs: durationMs(task.retention, RETENTION_MS),
    delayMs,
    runAtMs,
    scheduledMs: dueMs > nowMs ? dueMs : null,
  };
}

/** What was derived from a task and goes into its metadata. */
interface Derived {
  readonly context: TaskContext;
  readonly payload: Payload;
  readonly times: ReturnType<typeof timesOf>;
}

/** The metadata that Asynq's message has no field for. Absent values are left out. */
function metaOf(task: CheckedTask, { principal, nowMs }: Submission, derived: Derived): TaskMeta {
  const { context, payload, times } = derived;
  const { backoff } = retryOf(task.retry);
  return {
    createdMs: nowMs,
    origin: 'api',
    createdBy: principal.keyId,
    ...(context.businessId !== undefined && { business: context.businessId }),
    ...(task.tags !== undefined && task.tags.length > 0 && { tags: task.tags }),
    ...(payload.contentType !== undefined && { contentType: payload.contentType }),
    ...(times.timeoutMs % 1_000 !== 0 && { timeoutMs: times.timeoutMs }),
    ...(backoff !== undefined && { backoff }),
    ...(task.callback && { callback: storedCallback(task.callback, times.scheduledMs) }),
  };
}

/**
 * The task for the broker from a submitted one that its schema has accepted.
 *
 * @throws ProblemError `validation-failed`, `url-blocked`, `forbidden`, `business-forbidden`, `too-large`
 */
export function newTask(task: CheckedTask, submission: Submission): NewTask {
  check(task, submission);
  const queue = queueOf(task);
  requireQueue(submission.principal, queue);
  const business = businessOf(task.business_id, submission.principal, submission.basePath);
  const context = contextFor(task, business, submission.headers);
  const payload = payloadOf(task);
  const { scheduledMs, ...times } = timesOf(task, submission.nowMs);
  return {
    queue: storedQueue(queue, task.callback === undefined ? 'handler' : 'callback'),
    id: storedTaskId(task.id ?? uuidv7(), business),
    type: task.type ?? 'callback',
    payload: payload.bytes,
    headers: headersWith(context, {}),
    maxRetries: retryOf(task.retry).maxRetries,
    ...times,
    uniqueMs: 0,
    group: null,
    meta: metaOf(task, submission, { context, payload, times: { ...times, scheduledMs } }),
  };
}
