/** The service's own spans: of requests that it answers, and of those that it sends. Without an SDK there are none. */
import { context, SpanKind, trace, type Span } from '@opentelemetry/api';
import { failSpan, isTracing, storedContext, traceHeaders, tracer } from '@task-center/engine/tracing';

/** A request that has come in. */
interface Incoming {
  readonly method: string;
  /** The template of its path, such as `/v1/tasks/{id}`; undefined = there is no such route. */
  readonly route: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** Answers a request within a SERVER span, which is the child of the caller's. `statusOf` is asked when the answer is there. */
export async function answerInSpan(
  { method, route, traceparent = '', tracestate = '' }: Incoming,
  answer: () => Promise<void>,
  statusOf: () => number,
): Promise<void> {
  if (!isTracing()) return answer();
  const parent = storedContext({ traceparent, tracestate });
  const attributes = { 'http.request.method': method, ...(route !== undefined && { 'http.route': route }) };
  const name = route === undefined ? method : `${method} ${route}`;
  const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  try {
    await context.with(trace.setSpan(parent, span), answer);
    // A refusal is the caller's fault: the span has not failed.
    span.setAttribute('http.response.status_code', statusOf());
    if (statusOf() >= 500) failSpan(span, String(statusOf()));
  } catch (error) {
    failSpan(span, 'unexpected');
    throw error;
  } finally {
    span.end();
  }
}

/** The trace that the request of this moment is part of; undefined = there is no SDK, or no request. */
export function activeTrace(): { readonly traceparent: string; readonly tracestate?: string } | undefined {
  const active = trace.getSpanContext(context.active());
  return active && isTracing() ? (traceHeaders(active) as { traceparent: string }) : undefined;
}

/** A request that a callback sends, as a CLIENT span. */
export class ClientSpan {
  /** The headers by which the receiver joins the trace. */
  readonly headers: { readonly traceparent: string; readonly tracestate?: string };
  readonly spanId: string;
  readonly #span: Span;

  private constructor(method: string, url: URL, attempt: number) {
    const { origin, pathname, protocol, hostname, port } = url;
    const attributes = {
      'http.request.method': method,
      'url.full': `${origin}${pathname}`,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
    };
    this.#span = tracer().startSpan(method, { kind: SpanKind.CLIENT, attributes });
    // The receiver's parent is this span, which is exported.
    this.headers = traceHeaders(this.#span.spanContext()) as { traceparent: string };
    this.spanId = this.#span.spanContext().spanId;
  }

  /** Undefined = no SDK is set up, or the URL is none. */
  static start(method: string, url: string, attempt: number): ClientSpan | undefined {
    return isTracing() && URL.canParse(url) ? new ClientSpan(method, new URL(url), attempt) : undefined;
  }

  /** `errorType`: the class of the fault; undefined = an answer was read. */
  end(status: number | undefined, errorType: string | undefined): void {
    if (status !== undefined) this.#span.setAttribute('http.response.status_code', status);
    const type = errorType ?? (status !== undefined && status >= 400 ? String(status) : undefined);
    if (type !== undefined) failSpan(this.#span, type);
    this.#span.end();
  }
}
