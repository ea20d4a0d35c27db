import { traceIdOf, type TaskContext } from '@task-center/engine';
import type { Callback } from './callback.ts';
import { deliveryId } from './delivery-id.ts';
import { headerText } from './headers.ts';

/** One attempt to deliver a task, as its request needs it. Names and IDs are those that callers see; times: wall-clock ms. */
export interface Delivery {
  readonly callback: Callback;
  /** Plain ID. */
  readonly id: string;
  /** Logical queue. */
  readonly queue: string;
  readonly type: string;
  readonly payload: Uint8Array | null;
  /** Media type of the payload; absent = JSON. */
  readonly contentType: string | undefined;
  readonly context: TaskContext;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** 0 where unknown. */
  readonly createdMs: number;
  readonly startedMs: number;
  /** When this attempt is given up; 0 = never. */
  readonly deadlineMs: number;
  /** 16 hex digits, new for each attempt. */
  readonly spanId: string;
}

/** What goes over the wire, but for `host`, `content-length` and `connection`. */
export interface CallbackRequest {
  readonly url: string;
  readonly method: Callback['method'];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null = no body. */
  readonly body: Uint8Array | null;
}

const JSON_TYPE = 'application/json';
const IS_JSON = /^application\/(?:json|[^;\s]+\+json)\s*(?:;|$)/i;
const AGENT = 'task-center';

const iso = (ms: number) => new Date(ms).toISOString();
const scheduledMs = (delivery: Delivery) =>
  delivery.callback.scheduledMs ?? (delivery.createdMs || delivery.startedMs);

/** Data of an envelope where the payload is no JSON: as text, or else in base64. */
function quotedData(payload: Uint8Array): string {
  try {
    return JSON.stringify(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch {
    return JSON.stringify(Buffer.from(payload).toString('base64'));
  }
}

function dataOf({ payload, contentType = JSON_TYPE }: Delivery): Uint8Array {
  if (payload === null || payload.length === 0) return Buffer.from('null');
  return IS_JSON.test(contentType) ? payload : Buffer.from(quotedData(payload));
}

/** The payload's bytes are put in as they are: parsing would spoil 19-digit integers (api 1). */
function envelope(delivery: Delivery): Uint8Array {
  const { type, startedMs, id, queue, attempt, context } = delivery;
  const task = {
    id,
    queue,
    attempt,
    business_id: context.businessId ?? null,
    user_id: context.userId ?? null,
    trace_id: traceIdOf(context.traceparent),
    scheduled_at: iso(scheduledMs(delivery)),
  };
  const head = `{"type":${JSON.stringify(type)},"timestamp":"${iso(startedMs)}","data":`;
  const tail = `,"task":${JSON.stringify(task)},"parents":[]}`;
  return Buffer.concat([Buffer.from(head), dataOf(delivery), Buffer.from(tail)]);
}

function bodyOf(delivery: Delivery): Pick<CallbackRequest, 'body'> & { readonly type: string | null } {
  const { callback, payload, contentType = JSON_TYPE } = delivery;
  if (callback.body === 'envelope') return { body: envelope(delivery), type: JSON_TYPE };
  if (callback.body === 'none' || payload === null || payload.length === 0) return { body: null, type: null };
  return { body: payload, type: contentType };
}

function childOf(traceparent: string | undefined, spanId: string): string | undefined {
  const parts = traceIdOf(traceparent) === null ? undefined : traceparent?.split('-');
  return parts && [parts[0], parts[1], spanId, parts[3]].join('-');
}

function ownHeaders(delivery: Delivery, contentType: string | null): Record<string, string> {
  const { id, queue, type, attempt, maxAttempts, startedMs, deadlineMs, createdMs, context } = delivery;
  const webhookId = deliveryId(queue, id, createdMs);
  const traceparent = childOf(context.traceparent, delivery.spanId);
  const headers: Record<string, string | null | undefined> = {
    'content-type': contentType,
    'webhook-id': webhookId,
    'webhook-timestamp': String(Math.floor(startedMs / 1_000)),
    'idempotency-key': webhookId,
    traceparent,
    tracestate: traceparent && context.tracestate,
    'task-center-task-id': id,
    'task-center-queue': queue,
    'task-center-type': type,
    'task-center-attempt': String(attempt),
    'task-center-max-attempts': String(maxAttempts),
    'task-center-scheduled-at': iso(scheduledMs(delivery)),
    'task-center-deadline': deadlineMs > 0 ? iso(deadlineMs) : null,
    'task-center-business-id': context.businessId,
    'task-center-user-id': context.userId,
    'task-center-trace-id': traceIdOf(context.traceparent),
    'user-agent': AGENT,
  };
  const present = Object.entries(headers).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [name, headerText(value as string)]));
}

/** The request of one attempt (api 4, example A; api 5). The submitter's headers come last and replace ours of the same name. */
export function callbackRequest(delivery: Delivery): CallbackRequest {
  const { url, method, headers } = delivery.callback;
  const { body, type } = bodyOf(delivery);
  const all = ownHeaders(delivery, type);
  for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value;
  return { url, method, headers: all, body };
}
