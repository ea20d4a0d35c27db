/**
 * A task in an answer.
 *
 * To add a field: declare it in `packages/api/src/tasks/schemas.ts`, fill it in `presentFields`. Large content that callers ask for
 * by `include` is a part: add it to `TaskPart` and to `partsOf`.
 */
import {
  PRIORITIES,
  priorityQueues,
  formatDuration,
  timeText,
  type Attempt,
  type Callback,
  type Task,
  type TaskPart,
} from '@task-center/api';
import {
  contextOf,
  DEFAULT_RETRY_POLICY,
  logicalQueue,
  plainTaskId,
  traceIdOf,
  type AttemptRecord,
  type Backoff,
  type TaskRecord,
} from '@task-center/engine';
import { callbackOf } from '../../callbacks/callback.ts';
import { deliveryId } from '../../callbacks/delivery-id.ts';
import { isSecretHeader } from '../../callbacks/headers.ts';
import { payloadType, shownPayload, shownResult } from '../content.ts';

/** A time of 0 is unknown, as in Asynq's messages. */
const timeOrNull = (ms: number | null | undefined) =>
  ms === null || ms === undefined || ms === 0 ? null : timeText(ms);

/** The priority that the logical queue stands for; null = none. */
export function priorityOf(queue: string): Task['priority'] {
  return PRIORITIES.find((name) => priorityQueues[name] === queue) ?? null;
}

/** A backoff with the API's names, durations as text. */
function backoffFields(backoff: Backoff): Record<string, unknown> {
  switch (backoff.kind) {
    case 'exponential': {
      const { initialMs, maxMs, factor, jitter } = backoff;
      return {
        kind: 'exponential',
        initial: formatDuration(initialMs),
        max: formatDuration(maxMs),
        factor,
        jitter,
      };
    }
    case 'linear': {
      const { initialMs, stepMs, maxMs, jitter } = backoff;
      const spans = {
        initial: formatDuration(initialMs),
        step: formatDuration(stepMs),
        max: formatDuration(maxMs),
      };
      return { kind: 'linear', ...spans, jitter };
    }
    case 'fixed':
      return { kind: 'fixed', delay: formatDuration(backoff.delayMs), jitter: backoff.jitter };
    case 'list':
      return { kind: 'list', delays: backoff.delaysMs.map(formatDuration), jitter: backoff.jitter };
    case 'asynq':
      return { kind: 'asynq' };
  }
}

/** An attempt in an answer. `exchange` holds the request and response of a callback. */
function presentAttempt(record: AttemptRecord): Attempt {
  const { error, exchange = {} } = record;
  return {
    number: record.number,
    started_at: timeText(record.startedMs),
    finished_at: timeText(record.finishedMs),
    duration_ms: Math.max(0, record.finishedMs - record.startedMs),
    wait_ms: record.waitMs ?? null,
    outcome: record.outcome,
    next_at: timeOrNull(record.nextMs),
    reason: record.reason ?? null,
    error: error ? { class: error.class, message: error.message, status: error.status ?? null } : null,
    worker_id: record.worker ?? null,
    request: (exchange['request'] as Attempt['request'] | undefined) ?? null,
    response: (exchange['response'] as Attempt['response'] | undefined) ?? null,
  };
}

/** The error of the last failed attempt; without attempt records (a task that Go ran) the one in the task itself. */
function lastError({ attempts, lastError: last }: TaskRecord): Task['last_error'] {
  const failed = attempts.findLast(({ error }) => error !== undefined);
  if (failed?.error)
    return {
      class: failed.error.class,
      message: failed.error.message,
      status: failed.error.status ?? null,
      at: timeText(failed.finishedMs),
      attempt: failed.number,
    };
  return (
    last && { class: null, message: last.message, status: null, at: timeOrNull(last.atMs), attempt: null }
  );
}

/** The callback as the API defines it, with the values of secret headers hidden. */
function presentCallback({ meta }: TaskRecord): Callback | null {
  const callback = callbackOf(meta);
  if (callback === null) return null;
  const { url, method, headers, body, connectTimeoutMs } = callback;
  const shown = Object.entries(headers).map(([name, value]) => [name, isSecretHeader(name) ? '***' : value]);
  return {
    url,
    method,
    headers: Object.fromEntries(shown) as Record<string, string>,
    body,
    connect_timeout: formatDuration(connectTimeoutMs),
    redirects: 'none',
  };
}

/** Only tasks that had not started can be cancelled over HTTP. */
function cancelOf({ cancelled }: TaskRecord): Task['cancel'] {
  if (cancelled === null) return null;
  const { by = null, reason = null, atMs } = cancelled;
  return { mode: 'soft', outcome: 'cancelled_before_start', by, reason, at: timeText(atMs) };
}

/** The names that callers know: logical queue, plain ID. A task without metadata has its business in its headers. */
function identity({ queue: stored, id: storedId, headers, meta }: TaskRecord) {
  const { name: queue, kind } = logicalQueue(stored);
  const context = contextOf(headers);
  const business = meta.business ?? context.businessId ?? null;
  return { queue, kind, context, business, id: plainTaskId(storedId, business) };
}

function retryOf({ maxRetries, meta }: TaskRecord): Task['retry'] {
  const backoff = (meta.backoff as Backoff | undefined) ?? DEFAULT_RETRY_POLICY.backoff;
  return { max_retries: maxRetries, backoff: backoffFields(backoff) };
}

/** The fields of the parts that the caller asked for. */
function partsOf(record: TaskRecord, parts: ReadonlySet<TaskPart>): Record<string, unknown> {
  return {
    ...(parts.has('payload') && shownPayload(record.payload, record.meta.contentType)),
    ...(parts.has('callback') && { callback: presentCallback(record) }),
    ...(parts.has('result') && shownResult(record.result)),
    ...(parts.has('attempts') && { attempts: record.attempts.map(presentAttempt) }),
  };
}

/** Asynq's messages hold whole seconds; the metadata has the exact timeout. 0 = none. */
function timeoutText({ meta, timeoutMs }: TaskRecord): string | null {
  const ms = meta.timeoutMs ?? timeoutMs;
  return ms === 0 ? null : formatDuration(ms);
}

/** All fields except the parts. One literal, because merging objects of this size is slow. */
function presentFields(record: TaskRecord): Task {
  const { meta } = record;
  const { queue, kind, context, business, id } = identity(record);
  return {
    id,
    kind,
    type: record.type,
    queue,
    priority: priorityOf(queue),
    state: record.state,
    business_id: business,
    user_id: context.userId ?? null,
    tags: meta.tags === undefined ? [] : [...meta.tags],
    traceparent: context.traceparent ?? null,
    tracestate: context.tracestate ?? null,
    trace_id: traceIdOf(context.traceparent),
    content_type: payloadType(record.payload, meta.contentType),
    created_at: timeOrNull(meta.createdMs),
    due_at: timeOrNull(record.dueMs),
    pending_at: timeOrNull(record.pendingSinceMs),
    started_at: timeOrNull(record.startedMs),
    finished_at: timeOrNull(record.finishedMs),
    purge_at: timeOrNull(record.expiresMs),
    deadline: timeOrNull(record.deadlineMs),
    timeout: timeoutText(record),
    retention: formatDuration(record.retentionMs),
    retry: retryOf(record),
    attempt: record.attempt,
    max_attempts: record.maxRetries + 1,
    crashes: record.crashes,
    deferrals: record.deferrals,
    last_error: lastError(record),
    cancel: cancelOf(record),
    delivery_id: deliveryId(queue, id, meta.createdMs ?? 0),
    worker_id: record.worker,
    origin: meta.origin ?? null,
    created_by: meta.createdBy ?? null,
    version: 1,
  };
}

/** A task in an answer, with the given parts. */
export function presentTask(record: TaskRecord, parts: ReadonlySet<TaskPart>): Task {
  const task = presentFields(record);
  return parts.size === 0 ? task : Object.assign(task, partsOf(record, parts));
}
