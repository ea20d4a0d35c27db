import {
  createTraceState,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  trace,
  type Context,
  type Span,
  type SpanContext,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';

// Traces go through the API of OpenTelemetry alone. An SDK is the program's business: one that sets it up gets spans.

type Headers = Readonly<Record<string, string>>;

/** What the API has while no SDK is set up. */
const NO_SDK = new ProxyTracerProvider().getDelegate();
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const IS_SAMPLED = 1;

/** Whether an SDK is set up: two property reads, so it is asked before each span. An SDK may come and go. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NO_SDK;
}

export const tracer = (): Tracer => trace.getTracer('task-center');

/** The span that a `traceparent` names; null = it is absent or malformed. */
export function spanContextOf({ traceparent = '', tracestate }: Headers): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  const traceFlags = Number.parseInt(flags, 16);
  const state =
    tracestate === undefined || tracestate === '' ? {} : { traceState: createTraceState(tracestate) };
  return { traceId, spanId, traceFlags, isRemote: true, ...state };
}

/** The `traceparent` that names a span. */
export const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-0${traceFlags & IS_SAMPLED}`;

/** The headers by which what comes later joins the trace of a span. */
export function traceHeaders(span: SpanContext): Headers {
  const tracestate = span.traceState?.serialize();
  return { traceparent: traceparentOf(span), ...(tracestate && { tracestate }) };
}

/**
 * The context that a task has stored; without one, a root. Never the active one: a worker may have been started within a span, which
 * has nothing to do with its tasks.
 */
export function storedContext(headers: Headers): Context {
  const parent = spanContextOf(headers);
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** Ends a span as failed. `type`: a class or code of the error, never its text, which may hold data of callers. */
export function failSpan(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
