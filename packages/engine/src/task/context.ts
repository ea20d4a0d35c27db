/** Whom and what a task belongs to; travels from submission to handler, callback and logs. */
export interface TaskContext {
  readonly businessId?: string;
  readonly userId?: string;
  /** W3C trace context: `00-<32 hex>-<16 hex>-<2 hex>`. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** Header names under which the context travels in a task's headers, where Go reads it too. */
const HEADER = {
  businessId: 'tc-business-id',
  userId: 'tc-user-id',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
} as const satisfies Record<keyof TaskContext, string>;

const FIELDS = Object.keys(HEADER) as (keyof TaskContext)[];

export const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** The headers of a task: a copy of the caller's, and the context over them. */
export function headersWith(
  context: TaskContext,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (headers === NO_HEADERS && !FIELDS.some((field) => context[field] !== undefined)) return NO_HEADERS;
  const all: Record<string, string> = { ...headers };
  for (const field of FIELDS) {
    const value = context[field];
    if (value !== undefined) all[HEADER[field]] = value;
  }
  return all;
}

/** The context in a task's headers. */
export function contextOf(headers: Readonly<Record<string, string>>): TaskContext {
  const context: { -readonly [F in keyof TaskContext]: string } = {};
  for (const field of FIELDS) {
    const value = headers[HEADER[field]];
    if (value !== undefined && value !== '') context[field] = value;
  }
  return context;
}

/** The trace ID (32 hex) of a `traceparent`, or null. */
export function traceIdOf(traceparent: string | undefined): string | null {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent ?? '')?.[1] ?? null;
}
