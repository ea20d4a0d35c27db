/**
 * Builds the request of a delivery attempt: headers and body. To add a header of ours, add it to `ownHeaders`. Pure.
 */
import { traceIdOf, type TaskContext } from '@task-center/engine';
import type { Callback } from './callback.ts';
import { deliveryId } from './delivery-id.ts';
import { headerFault, headerKey, headerText } from './headers.ts';
import { isJsonType, JSON_TYPE } from '../media-types.ts';
import type { TaskFire } from '../task-fire.ts';

/** The data of one delivery attempt. Names and IDs are those that callers see. Times are wall-clock ms. */
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
  /** The fire of a schedule that has made the task; null = none. */
  readonly fire: TaskFire | null;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Time of submission; 0 = unknown. */
  readonly createdMs: number;
  readonly startedMs: number;
  /** When this attempt is given up; 0 = never. */
  readonly deadlineMs: number;
  /** 16 hex digits, new for each attempt. */
  readonly spanId: string;
}

/** The request, without `host`, `content-length` and `connection`, which the HTTP client adds. */
export interface CallbackRequest {
  readonly url: string;
  readonly method: Callback['method'];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null = no body. */
  readonly body: Uint8Array | null;
}

const AGENT = 'task-center';

const iso = (ms: number) => new Date(ms).toISOString();
const scheduledMs = (delivery: Delivery) =>
  delivery.callback.scheduledMs ?? (delivery.createdMs || delivery.startedMs);

/** A payload that is not JSON, as a JSON string: its text, or base64 if it is not UTF-8. */
function quotedData(payload: Uint8Array): string {
  try {
    return JSON.stringify(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch {
    return JSON.stringify(Buffer.from(payload).toString('base64'));
  }
}

/** The envelope's `data`. */
function dataOf({ payload, contentType = JSON_TYPE }: Delivery): Uint8Array {
  if (payload === null || payload.length === 0) return Buffer.from('null');
  return isJsonType(contentType) ? payload : Buffer.from(quotedData(payload));
}

/**
 * The body `envelope`. A JSON payload is copied byte for byte: parsing it would round 19-digit integers. `parents` is for
 * tasks that run after others (`after`), which are not built yet: it is always empty.
 */
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
  const start = `{"type":${JSON.stringify(type)},"timestamp":"${iso(startedMs)}","data":`;
  const end = `,"task":${JSON.stringify(task)},"parents":[]}`;
  return Buffer.concat([Buffer.from(start), dataOf(delivery), Buffer.from(end)]);
}

function bodyOf(delivery: Delivery): Pick<CallbackRequest, 'body'> & { readonly type: string | null } {
  const { callback, payload, contentType = JSON_TYPE } = delivery;
  if (callback.body === 'envelope') return { body: envelope(delivery), type: JSON_TYPE };
  if (callback.body === 'none' || payload === null || payload.length === 0) return { body: null, type: null };
  return { body: payload, type: contentType };
}

/** The `traceparent` of a new span in the same trace; undefined = there is no valid trace. */
function childTraceparent(traceparent: string | undefined, spanId: string): string | undefined {
  const fields = traceIdOf(traceparent) === null ? undefined : traceparent?.split('-');
  return fields && [fields[0], fields[1], spanId, fields[3]].join('-');
}

/** The headers that the service sets, encoded; absent values are left out. */
function ownHeaders(delivery: Delivery, contentType: string | null): Record<string, string> {
  const { id, queue, type, attempt, maxAttempts, startedMs, deadlineMs, createdMs, context, fire } = delivery;
  const webhookId = deliveryId(queue, id, createdMs);
  const traceparent = childTraceparent(context.traceparent, delivery.spanId);
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
    'task-center-schedule-id': fire?.scheduleId,
    'task-center-fire-at': fire && iso(fire.atMs),
    'task-center-shard': fire?.shard && `${fire.shard.index}/${fire.shard.total}`,
    'user-agent': AGENT,
    // The body becomes the result and is shown: nothing would decompress it.
    'accept-encoding': 'identity',
  };
  const present = Object.entries(headers).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [name, headerText(value as string)]));
}

/**
 * The submitter's headers, by the names under which they are sent. What `headerFault` refuses is left out, and so is a second
 * header of the same key: other programs and older versions store tasks, too.
 */
function submittersHeaders(
  { headers }: Pick<Callback, 'headers'>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const keys = new Set<string>();
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = headerKey(name);
    if (keys.has(key) || headerFault(name, value) !== null) continue;
    keys.add(key);
    // `User_Agent` replaces `user-agent`: a receiver might take either one.
    sent[Object.hasOwn(own, key) ? key : name.toLowerCase()] = value;
  }
  return sent;
}

/** The request of one attempt. A submitter's header replaces ours of the same name. */
export function callbackRequest(delivery: Delivery): CallbackRequest {
  const { url, method } = delivery.callback;
  const { body, type } = bodyOf(delivery);
  const own = ownHeaders(delivery, type);
  return { url, method, headers: { ...own, ...submittersHeaders(delivery.callback, own) }, body };
}
