/**
 * A task in an answer.
 *
 * To add a field: declare it in `packages/api/src/tasks/schemas.ts`, fill it in `presentFields`. Large content that callers ask for
 * by `include` is a part: add it to `TaskPart` and to `partsOf`.
 */
import {
  PRIORITIES,
  priorityQueues,
  shownBackoff,
  timeText,
  type Attempt,
  type Callback,
  type Task,
  type TaskPart,
} from '@task-center/api';
import type { AttemptError, AttemptRecord, EnqueueOutcome, NewTask, TaskRecord } from '@task-center/engine';
import {
  contextOf,
  DEFAULT_RETRY_POLICY,
  formatDuration,
  isBackoff,
  logicalQueue,
  plainTaskId,
  traceIdOf,
  withoutUrlSecrets,
} from '@task-center/model';
import { hasRole, type Principal } from '../../auth/principal.ts';
import { callbackOf } from '../../callbacks/callback.ts';
import { deliveryId } from '../../callbacks/delivery-id.ts';
import { shownHeaderValue } from '../../callbacks/headers.ts';
import { payloadType, shownPayload, shownResult } from '../content.ts';
import { fireOf } from '../../task-fire.ts';

/** A time of 0 is unknown, as in Asynq's messages. */
const timeOrNull = (ms: number | null | undefined) =>
  ms === null || ms === undefined || ms === 0 ? null : timeText(ms);

/** The priority that the logical queue stands for; null = none. */
export function priorityOf(queue: string): Task['priority'] {
  return PRIORITIES.find((name) => priorityQueues[name] === queue) ?? null;
}

/** What the answer needs of a stored task. A task that is new lacks what comes later. */
type StoredTask = Pick<NewTask, keyof NewTask & keyof TaskRecord> &
  Pick<TaskRecord, 'state'> &
  Partial<TaskRecord>;
/** The outcome of a submission that stored a new task. */
export type Created = Extract<EnqueueOutcome, { code: 'created' }>;

const DEFAULT_BACKOFF = shownBackoff(DEFAULT_RETRY_POLICY.backoff);

const presentHeaders = (headers: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, shownHeaderValue(name, String(value))]),
  );

/**
 * A part of an exchange. Secrets were hidden when it was stored, by the rules that the program had then. A handler of the
 * library may have recorded anything under its name.
 */
function exchangePart(part: unknown): Record<string, never> | null {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return null;
  const { url, headers } = part as Readonly<Record<string, unknown>>;
  return {
    ...part,
    ...(typeof url === 'string' && { url: withoutUrlSecrets(url) }),
    ...(typeof headers === 'object' &&
      headers !== null && { headers: presentHeaders(headers as Record<string, unknown>) }),
  } as Record<string, never>;
}

/** What an answer has beyond the fields that each has: the parts that were asked for, and stacks for those who may see them. */
export type ShownParts = ReadonlySet<TaskPart | 'stacks'>;

/** Stacks tell how a program is made. */
export const stacksFor = (principal: Principal): readonly 'stacks'[] =>
  hasRole(principal, 'operator') ? ['stacks'] : [];

function presentError(error: AttemptError, parts: ShownParts): Attempt['error'] {
  const { class: name, message, status = null, stack } = error;
  return { class: name, message, status, ...(stack !== undefined && parts.has('stacks') && { stack }) };
}

/** An attempt in an answer. `exchange` holds the request and response of a callback. */
function presentAttempt(record: AttemptRecord, parts: ShownParts): Attempt {
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
    error: error ? presentError(error, parts) : null,
    worker_id: record.worker ?? null,
    request: exchangePart(exchange['request']),
    response: exchangePart(exchange['response']),
  };
}

/** The error of the last failed attempt; without attempt records (a task that Go ran) the one in the task itself. */
function lastError({ attempts = [], lastError: last = null }: StoredTask): Task['last_error'] {
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
function presentCallback({ meta }: StoredTask): Callback | null {
  const callback = callbackOf(meta);
  if (callback === null) return null;
  const { url, method, headers, body, connectTimeoutMs } = callback;
  return {
    url: withoutUrlSecrets(url),
    method,
    headers: presentHeaders(headers),
    body,
    connect_timeout: formatDuration(connectTimeoutMs),
    redirects: 'none',
  };
}

function cancelOf({ cancelled = null }: StoredTask): Task['cancel'] {
  if (cancelled === null) return null;
  const { by = null, reason = null, atMs, wasRunning = false } = cancelled;
  const outcome = wasRunning ? 'requested' : 'cancelled_before_start';
  return { mode: 'soft', outcome, by, reason, at: timeText(atMs) };
}

/** The names that callers know: logical queue, plain ID. A task without metadata has its business in its headers. */
function identity({ queue: stored, id: storedId, headers, meta }: StoredTask) {
  const { name: queue, kind } = logicalQueue(stored);
  const context = contextOf(headers);
  const business = meta.business ?? context.businessId ?? null;
  return { queue, kind, context, business, id: plainTaskId(storedId, business) };
}

/** Stored data may be damaged; a task without a valid backoff waits as by default. */
function retryOf({ maxRetries, meta: { backoff } }: StoredTask): Task['retry'] {
  return { max_retries: maxRetries, backoff: isBackoff(backoff) ? shownBackoff(backoff) : DEFAULT_BACKOFF };
}

/** The fields of the parts that the caller asked for. */
function partsOf(record: StoredTask, parts: ShownParts): Record<string, unknown> {
  return {
    ...(parts.has('payload') && shownPayload(record.payload, record.meta.contentType)),
    ...(parts.has('callback') && { callback: presentCallback(record) }),
    ...(parts.has('result') && shownResult(record.result ?? null)),
    ...(parts.has('attempts') && {
      attempts: (record.attempts ?? []).map((attempt) => presentAttempt(attempt, parts)),
    }),
  };
}

/** Asynq's messages hold whole seconds; the metadata has the exact timeout. 0 = none. */
function timeoutText({ meta, timeoutMs }: StoredTask): string | null {
  const ms = meta.timeoutMs ?? timeoutMs;
  return ms === 0 ? null : formatDuration(ms);
}

/** All fields except the parts. One literal, because merging objects of this size is slow. */
function presentFields(record: StoredTask): Task {
  const { meta } = record;
  const { queue, kind, context, business, id } = identity(record);
  const fire = fireOf(meta);
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
    attempt: record.attempt ?? 0,
    max_attempts: record.maxRetries + 1,
    crashes: record.crashes ?? 0,
    deferrals: record.deferrals ?? 0,
    waiting_for: record.waitingFor ?? null,
    last_error: lastError(record),
    cancel: cancelOf(record),
    delivery_id: deliveryId(queue, id, meta.createdMs ?? 0),
    worker_id: record.worker ?? null,
    schedule_id: fire?.scheduleId ?? null,
    fire_at: fire && timeText(fire.atMs),
    shard: fire?.shard ?? null,
    origin: meta.origin ?? null,
    created_by: meta.createdBy ?? null,
    version: 1,
  };
}

/** A task in an answer, with the given parts. */
export function presentTask(record: StoredTask, parts: ShownParts): Task {
  const task = presentFields(record);
  return parts.size === 0 ? task : Object.assign(task, partsOf(record, parts));
}

/** A task that was just stored, presented as if it had been read. It saves a round trip for each submission. */
export function presentNewTask(task: NewTask, { state, dueMs }: Created, parts: ReadonlySet<TaskPart>): Task {
  const times = { pending: { pendingSinceMs: dueMs }, scheduled: { dueMs }, aggregating: {} }[state];
  return presentTask({ ...task, state, ...times }, parts);
}
