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
  }
}

/** An attempt as it is answered. */
export function presentAttempt(record: AttemptRecord): Attempt {
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

function identity({ queue: stored, id: storedId, headers, meta, type }: TaskRecord) {
  const { name: queue, kind } = logicalQueue(stored);
  const { businessId, userId, traceparent, tracestate } = contextOf(headers);
  const business = meta.business ?? businessId ?? null;
  const id = plainTaskId(storedId, business);
  return {
    id,
    kind,
    type,
    queue,
    priority: priorityOf(queue),
    business_id: business,
    user_id: userId ?? null,
    tags: [...(meta.tags ?? [])],
    traceparent: traceparent ?? null,
    tracestate: tracestate ?? null,
    trace_id: traceIdOf(traceparent),
    delivery_id: deliveryId(queue, id, meta.createdMs ?? 0),
    origin: meta.origin ?? null,
    created_by: meta.createdBy ?? null,
  };
}

function times(record: TaskRecord) {
  return {
    created_at: timeOrNull(record.meta.createdMs),
    due_at: timeOrNull(record.dueMs),
    pending_at: timeOrNull(record.pendingSinceMs),
    started_at: timeOrNull(record.startedMs),
    finished_at: timeOrNull(record.finishedMs),
    purge_at: timeOrNull(record.expiresMs),
    deadline: timeOrNull(record.deadlineMs),
  };
}

function partsOf(record: TaskRecord, parts: ReadonlySet<TaskPart>): Record<string, unknown> {
  return {
    ...(parts.has('payload') && shownPayload(record.payload, record.meta.contentType)),
    ...(parts.has('callback') && { callback: presentCallback(record) }),
    ...(parts.has('result') && shownResult(record.result)),
    ...(parts.has('attempts') && { attempts: record.attempts.map(presentAttempt) }),
  };
}

/** A task as it is answered, with the parts asked for. */
export function presentTask(record: TaskRecord, parts: ReadonlySet<TaskPart>): Task {
  const { meta } = record;
  const timeoutMs = meta.timeoutMs ?? record.timeoutMs;
  return {
    ...identity(record),
    state: record.state,
    content_type: payloadType(record.payload, meta.contentType),
    ...times(record),
    timeout: timeoutMs === 0 ? null : spanText(timeoutMs),
    retention: spanText(record.retentionMs),
    retry: {
      max_retries: record.maxRetries,
      backoff: backoffFields((meta.backoff as Backoff | undefined) ?? DEFAULT_RETRY_POLICY.backoff),
    },
    attempt: record.attempt,
    max_attempts: record.maxRetries + 1,
    crashes: record.crashes,
    deferrals: record.deferrals,
    last_error: lastError(record),
    cancel: cancelOf(record),
    worker_id: record.worker,
    version: 1,
    ...partsOf(record, parts),
  };
}
