import { v7 as uuidv7 } from 'uuid';
import { instantMs, spanMs, type CheckedTask } from '@task-center/api';
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
const TIMEOUT_MS = { callback: 10_000, handler: 30 * 60_000 } as const;
const RETENTION_MS = DAY_MS;

export interface Submission {
  readonly principal: Principal;
  readonly headers: Headers;
  readonly rules: UrlRules;
  /** Time of the submission, wall-clock ms. */
  readonly nowMs: number;
  /** Where the task stands in the body: `[]` or `['tasks', 3]`. */
  readonly under: readonly (string | number)[];
}

const span = (text: string | undefined, fallbackMs: number) =>
  text === undefined ? fallbackMs : (spanMs(text) ?? 0);
const instant = (text: string | undefined) => (text === undefined ? 0 : (instantMs(text) ?? 0));

function check(task: CheckedTask, { rules, under }: Submission): void {
  const items = taskFaults(task, under);
  const callback = task.callback && callbackFaults(task.callback, { rules, under });
  const all = [...items, ...(callback?.items ?? [])];
  if (all.length > 0) throw invalid(all);
  if (callback?.blocked) throw callback.blocked;
}

function timesOf(task: CheckedTask, nowMs: number) {
  const kind = task.callback === undefined ? 'handler' : 'callback';
  const delayMs = span(task.delay, 0);
  const runAtMs = instant(task.run_at);
  const later = Math.max(nowMs + delayMs, runAtMs);
  return {
    timeoutMs: span(task.timeout, TIMEOUT_MS[kind]),
    deadlineMs: instant(task.deadline),
    retentionMs: span(task.retention, RETENTION_MS),
    delayMs,
    runAtMs,
    scheduledMs: later > nowMs ? later : null,
  };
}

interface Decided {
  readonly context: TaskContext;
  readonly payload: Payload;
  readonly times: ReturnType<typeof timesOf>;
}

function metaOf(task: CheckedTask, { principal, nowMs }: Submission, decided: Decided): TaskMeta {
  const { context, payload, times } = decided;
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
 * A task for the broker from a submitted one that was checked field by field.
 *
 * @throws ProblemError `validation-failed`, `url-blocked`, `forbidden`, `business-forbidden`, `too-large`
 */
export function newTask(task: CheckedTask, submission: Submission): NewTask {
  check(task, submission);
  const queue = queueOf(task);
  requireQueue(submission.principal, queue);
  const business = businessOf(task.business_id, submission.principal, submission.under);
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
