import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { isTracing, spanContextOf, traceHeaders, tracer } from './trace-context.ts';

/**
 * The headers by which the tasks of a fire join its trace: each fire begins a trace of its own, if an SDK is set up. A `traceparent`
 * that the schedule's task has stored wins. A fire that another process makes first leaves a span without tasks.
 */
export function fireHeaders(
  schedule: string,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (!isTracing() || spanContextOf(headers) !== null) return headers;
  const attributes = { 'task_center.schedule_id': schedule };
  const span = tracer().startSpan(`fire ${schedule}`, { kind: SpanKind.INTERNAL, attributes }, ROOT_CONTEXT);
  span.end();
  return { ...headers, ...traceHeaders(span.spanContext()) };
}
