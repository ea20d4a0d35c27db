/**
 * The business and the user that a task belongs to, and the trace it is part of. It travels from the submission to the
 * handler, the callback and the logs. Every field is optional. The engine takes any text of valid Unicode, as far as the
 * field's comment names no limit; the HTTP API also checks their form.
 */
export interface TaskContext {
  /**
   * The business that owns the task: 1 to 255 bytes, not blank, without control characters. IDs and unique locks of businesses
   * are separate: two may use the same ID.
   */
  readonly businessId?: string;
  /** The user that the task belongs to. It is passed on, never interpreted. */
  readonly userId?: string;
  /** W3C trace context: `00-<32 hex>-<16 hex>-<2 hex>`. */
  readonly traceparent?: string;
  /** W3C trace state of the vendors on the way, passed on with `traceparent`. */
  readonly tracestate?: string;
}

/** Names of the task headers that carry the context. Go workers read the same headers. */
const HEADER = {
  businessId: 'tc-business-id',
  userId: 'tc-user-id',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
} as const satisfies Record<keyof TaskContext, string>;

export const CONTEXT_FIELDS = Object.keys(HEADER) as readonly (keyof TaskContext)[];

export const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** The headers of a task: a copy of the caller's headers, overridden by the fields of the context. */
export function headersWith(
  context: TaskContext,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (headers === NO_HEADERS && !CONTEXT_FIELDS.some((field) => context[field] !== undefined))
    return NO_HEADERS;
  const merged: Record<string, string> = { ...headers };
  for (const field of CONTEXT_FIELDS) {
    const value = context[field];
    if (value !== undefined) merged[HEADER[field]] = value;
  }
  return merged;
}

/** The context that a task's headers carry. An empty header counts as absent. */
export function contextOf(headers: Readonly<Record<string, string>>): TaskContext {
  const context: { -readonly [F in keyof TaskContext]: string } = {};
  for (const field of CONTEXT_FIELDS) {
    const value = headers[HEADER[field]];
    if (value !== undefined && value !== '') context[field] = value;
  }
  return context;
}

/** The trace ID (32 hexadecimal digits) of a `traceparent`, or null if it is absent or malformed. */
export function traceIdOf(traceparent: string | undefined): string | null {
  if (typeof traceparent !== 'string') return null;
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1] ?? null;
}
