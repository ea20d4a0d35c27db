import { ROOT_CONTEXT, SpanKind, type Span } from '@opentelemetry/api';
import { isTracing, spanContextOf, traceHeaders, traceparentOf, tracer } from './trace-context.ts';

/**
 * The spans of the fires of one schedule that are written together, if an SDK is set up. Each fire begins a trace of its own, and links to
 * the fire before it. The caller ends them when it has written the fires: of one that another process has made first there is no span.
 */
export class FireSpans {
  readonly #schedule: string;
  readonly #spans: Span[] = [];
  #last: string | undefined;

  /** @param last the `traceparent` of the span of the last fire that had one */
  constructor(schedule: string, last: string | undefined) {
    this.#schedule = schedule;
    this.#last = last;
  }

  /** The same, with the fires that have begun. It is kept with the schedule. */
  get last(): string | undefined {
    return this.#last;
  }

  /** Begins the span of a fire. @returns the headers of its tasks: a `traceparent` that they have stored wins */
  begin(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (!isTracing() || spanContextOf(headers) !== null) return headers;
    const before = this.#last === undefined ? null : spanContextOf({ traceparent: this.#last });
    const options = {
      kind: SpanKind.INTERNAL,
      attributes: { 'task_center.schedule_id': this.#schedule },
      links: before === null ? [] : [{ context: before }],
    };
    const span = tracer().startSpan(`fire ${this.#schedule}`, options, ROOT_CONTEXT);
    this.#spans.push(span);
    this.#last = traceparentOf(span.spanContext());
    return { ...headers, ...traceHeaders(span.spanContext()) };
  }

  /** Ends them: the fires are made. One that is never ended is not exported. */
  end(): void {
    for (const span of this.#spans) span.end();
  }
}
