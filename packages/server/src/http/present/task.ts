import {
  PRIORITIES,
  priorityQueues,
  spanText,
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
import { payloadType, shownPayload, shownResult } from './content.ts';

const timeOrNull = (ms: number | null | undefined) =>
  ms === null || ms === undefined || ms === 0 ? null : timeText(ms);

/** The priority whose queue this is, or null. */
export function priorityOf(queue: string): Task['priority'] {
  return PRIORITIES.find((name) => priorityQueues[name] === queue) ?? null;
}

/** Parameters of a backoff by their wire names, spans as text. */
function backoffFields(backoff: Backoff): Record<string, unknown> {
  switch (backoff.kind) {
    case 'exponential': {
      const { initialMs, maxMs, factor, jitter } = backoff;
      return { kind: 'exponential', initial: spanText(initialMs), max: spanText(maxMs), factor, jitter };
    }
    case 'linear': {
      const { initialMs, stepMs, maxMs, jitter } = backoff;
      const spans = { initial: spanText(initialMs), step: spanText(stepMs), max: spanText(maxMs) };
      return { kind: 'linear', ...spans, jitter };
    }
    case 'fixed':
      return { kind: 'fixed', delay: spanText(backoff.delayMs), jitter: backoff.jitter };
    case 'list':
      return { kind: 'list', delays: backoff.delaysMs.map(spanText), jitter: backoff.jitter };
    case 'asynq':
      return { kind: 'asynq' };
  }
}

/** An attempt as it is answered. */
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
    connect_timeout: spanText(connectTimeoutMs),
    redirects: 'none',
  };
}

function cancelOf({ cancelled }: TaskRecord): Task['cancel'] {
  if (cancelled === null) return null;
  const { by = null, reason = null, atMs } = cancelled;
  return { mode: 'soft', outcome: 'cancelled_before_start', by, reason, at: timeText(atMs) };
}

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

function partsOf(record: TaskRecord, parts: ReadonlySet<TaskPart>): Record<string, unknown> {
  return {
    ...(parts.has('payload') && shownPayload(record.payload, record.meta.contentType)),
    ...(parts.has('callback') && { callback: presentCallback(record) }),
    ...(parts.has('result') && shownResult(record.result)),
    ...(parts.has('attempts') && { attempts: record.attempts.map(presentAttempt) }),
  };
}

function timeoutText({ meta, timeoutMs }: TaskRecord): string | null {
  const ms = meta.timeoutMs ?? timeoutMs;
  return ms === 0 ? null : spanText(ms);
}

/** All but the parts. One literal: objects of this size that are put together from others are slow to make. */
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
    retention: spanText(record.retentionMs),
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

/** A task as it is answered, with the parts asked for. */
export function presentTask(record: TaskRecord, parts: ReadonlySet<TaskPart>): Task {
  const task = presentFields(record);
  return parts.size === 0 ? task : Object.assign(task, partsOf(record, parts));
}
