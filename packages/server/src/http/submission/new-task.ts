/**
 * Turns a submitted task into one for the broker. This is the only way from HTTP to storage: single tasks and batches
 * both use it.
 */
import type { CheckedTask } from '@task-center/api';
import {
  makeTask,
  type DraftDefaults,
  type NewTask,
  type Runtime,
  type TaskDraft,
} from '@task-center/engine';
import {
  DAY_MS,
  DEFAULT_RETRY_POLICY,
  DEFAULT_TIMEOUT_MS,
  headersWith,
  NO_HEADERS,
} from '@task-center/model';
import { requireQueueAccess, type Principal } from '../../auth/principal.ts';
import type { UrlRules } from '../../callbacks/url-rules.ts';
import { invalid } from '../../problem.ts';
import { callbackFaults, storedCallback } from './callback.ts';
import { businessOf, contextFor } from './context.ts';
import { queueOf, taskFaults } from './faults.ts';
import { payloadOf, type Payload } from './payload.ts';

/** A callback should answer quickly; a handler may work as long as in Asynq. A deadline changes neither. */
const defaultsWith = (timeoutMs: number): DraftDefaults => ({
  maxRetries: DEFAULT_RETRY_POLICY.maxRetries,
  timeoutMs,
  timeoutWithDeadlineMs: timeoutMs,
  retentionMs: DAY_MS,
});
const DEFAULTS = { callback: defaultsWith(10_000), handler: defaultsWith(DEFAULT_TIMEOUT_MS) } as const;

/** What a submission brings beside the task itself. */
export interface Submission {
  readonly principal: Principal;
  readonly headers: Headers;
  readonly rules: UrlRules;
  /** Time of the submission, wall-clock ms. */
  readonly nowMs: number;
  /** Path of the task in the body: `[]` or `['tasks', 3]`. */
  readonly basePath: readonly (string | number)[];
  readonly newId: Runtime['newId'];
}

/** @throws ProblemError `validation-failed` with all errors, else `url-blocked` */
function check(task: CheckedTask, { rules, basePath, nowMs }: Submission): void {
  const items = taskFaults(task, { basePath, nowMs });
  const callback = task.callback && callbackFaults(task.callback, { rules, basePath });
  const found = [...items, ...(callback?.items ?? [])];
  if (found.length > 0) throw invalid(found);
  if (callback?.blocked) throw callback.blocked;
}

/** When the task should first run, wall-clock ms; null = at once. */
function firstRunMs({ delay = 0, run_at = 0 }: CheckedTask, nowMs: number): number | null {
  const dueMs = Math.max(nowMs + delay, run_at);
  return dueMs > nowMs ? dueMs : null;
}

/** What is stored with the task beyond Asynq's message. Absent values are left out. */
function metaOf(
  { tags = [], callback, ...task }: CheckedTask,
  { principal, nowMs }: Submission,
  { contentType }: Payload,
): TaskDraft['meta'] {
  return {
    createdMs: nowMs,
    origin: 'api',
    createdBy: principal.keyId,
    ...(tags.length > 0 && { tags }),
    ...(contentType !== undefined && { contentType }),
    ...(callback && { callback: storedCallback(callback, firstRunMs(task, nowMs)) }),
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
  requireQueueAccess(submission.principal, queue);
  const business = businessOf(task.business_id, submission.principal, submission.basePath);
  const context = contextFor(task, business, submission.headers);
  const payload = payloadOf(task);
  const kind = task.callback === undefined ? 'handler' : 'callback';
  const draft: TaskDraft = {
    kind,
    queue,
    id: task.id,
    type: task.type ?? 'callback',
    payload: payload.bytes,
    context,
    headers: headersWith(context, NO_HEADERS),
    maxRetries: task.retry?.maxRetries,
    backoff: task.retry?.backoff,
    timeoutMs: task.timeout,
    deadlineMs: task.deadline,
    retentionMs: task.retention,
    delayMs: task.delay,
    runAtMs: task.run_at,
    uniqueMs: undefined,
    group: undefined,
    meta: metaOf(task, submission, payload),
  };
  return makeTask(draft, DEFAULTS[kind], submission);
}
