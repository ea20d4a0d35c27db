/** A task's callback as it is stored, and as it is used. */
import { DEFAULT_CONNECT_TIMEOUT, type CallbackBody, type CallbackMethod } from '@task-center/api';
import type { TaskMeta } from '@task-center/engine';
import { parseDuration } from '@task-center/model';

/**
 * A callback in a task's metadata (`meta.callback`): what the API validated, without defaults. A new field must be optional:
 * tasks stored by older versions do not have it. Give it its default in `callbackOf`.
 */
export interface StoredCallback {
  readonly url: string;
  /** Default POST. */
  readonly method?: CallbackMethod | undefined;
  /** The submitter's headers; all of them passed `headerFault`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default `payload`; with GET `none`. */
  readonly body?: CallbackBody | undefined;
  /** Connect timeout, TLS handshake included. Default `DEFAULT_CONNECT_TIMEOUT`, at most `60s`. */
  readonly connect_timeout?: string | undefined;
  /** When the first attempt was scheduled, RFC 3339; absent = at submission. */
  readonly scheduled_at?: string | undefined;
}

/** A callback with all defaults. `scheduledMs`: wall-clock ms; null = at submission. */
export interface Callback {
  readonly url: string;
  readonly method: CallbackMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: CallbackBody;
  readonly connectTimeoutMs: number;
  readonly scheduledMs: number | null;
}

const DEFAULT_CONNECT_MS = parseDuration(DEFAULT_CONNECT_TIMEOUT)!;
/** The API's limit; checked again, because others may write to the broker, too. */
const MAX_CONNECT_MS = 60_000;

/** The callback in a task's metadata; null = there is none, or it cannot be read. */
export function callbackOf({ callback }: TaskMeta): Callback | null {
  const stored = callback as StoredCallback | null | undefined;
  if (typeof stored?.url !== 'string') return null;
  const method = stored.method ?? 'POST';
  const connectMs = parseDuration(stored.connect_timeout ?? '') ?? DEFAULT_CONNECT_MS;
  const scheduledMs = Date.parse(stored.scheduled_at ?? '');
  return {
    url: stored.url,
    method,
    headers: stored.headers ?? {},
    body: stored.body ?? (method === 'GET' ? 'none' : 'payload'),
    connectTimeoutMs: Math.min(MAX_CONNECT_MS, Math.max(1, connectMs)),
    scheduledMs: Number.isNaN(scheduledMs) ? null : scheduledMs,
  };
}
