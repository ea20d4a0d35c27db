import { parseDuration, type TaskMeta } from '@task-center/engine';

export type CallbackMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET';
export type CallbackBody = 'payload' | 'envelope' | 'none';

/** A callback as it is stored in `meta.callback` and shown with its task: the validated object of the API (api 5). */
export interface StoredCallback {
  readonly url: string;
  /** Default POST. */
  readonly method?: CallbackMethod | undefined;
  /** The submitter's headers; each passed `headerFault`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default `payload`; with GET `none`. */
  readonly body?: CallbackBody | undefined;
  /** Longest connecting, TLS included. Default `3s`, at most `60s`. */
  readonly connect_timeout?: string | undefined;
  /** When the task was to run first, RFC 3339; absent = when it was submitted. */
  readonly scheduled_at?: string | undefined;
}

/** A callback, ready for use. */
export interface Callback {
  readonly url: string;
  readonly method: CallbackMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: CallbackBody;
  readonly connectTimeoutMs: number;
  readonly scheduledMs: number | null;
}

const DEFAULT_CONNECT_MS = 3_000;
/** As the API allows. */
const MAX_CONNECT_MS = 60_000;

/** The callback of a task, or null where there is none that can be read. */
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
