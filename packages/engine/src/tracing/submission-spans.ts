import {
  context,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
} from '@opentelemetry/api';
import type { EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { failSpan, isTracing, spanContextOf, traceHeaders, tracer } from './trace-context.ts';

/** Links of the span of a batch to those of its tasks. */
const MAX_BATCH_LINKS = 128;

const attributesOf = ({ queue, id, payload }: NewTask, operation: string): Attributes => ({
  ...queueAttributes(queue, operation),
  'messaging.message.id': id,
  'messaging.message.body.size': payload?.length ?? 0,
});

const queueAttributes = (queue: string, operation: string): Attributes => ({
  'messaging.system': 'task_center',
  'messaging.operation.type': operation,
  'messaging.operation.name': operation,
  'messaging.destination.name': queue,
});

const errorType = (error: unknown): string => (error instanceof TaskCenterError ? error.code : 'unexpected');

/**
 * The span of one task's submission, and the task as it is stored: with the span in its headers. A `traceparent` that the caller has
 * given wins: the task keeps it, and the span joins its trace. One that names the active span is none that was given.
 */
function producerSpan(task: NewTask, operation: string, within: Context): { span: Span; task: NewTask } {
  const given = spanContextOf(task.headers);
  const isGiven = given !== null && given.spanId !== trace.getSpanContext(within)?.spanId;
  const parent = isGiven ? trace.setSpanContext(within, given) : within;
  const options = { kind: SpanKind.PRODUCER, attributes: attributesOf(task, operation) };
  const span = tracer().startSpan(`${operation} ${task.queue}`, options, parent);
  if (isGiven) return { span, task };
  return { span, task: { ...task, headers: { ...task.headers, ...traceHeaders(span.spanContext()) } } };
}

/** Stores one task within a span, if an SDK is set up. */
export async function storeInSpan<Stored>(
  given: NewTask,
  store: (task: NewTask) => Promise<Stored>,
): Promise<Stored> {
  const { span, task } = producerSpan(given, 'send', context.active());
  try {
    return await store(task);
  } catch (error) {
    failSpan(span, errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** The spans of a batch: one for each task, when the broker reads it, and one for the call, which links to the first of them. */
class BatchSpans {
  readonly #within = context.active();
  readonly #call = tracer().startSpan('send', { kind: SpanKind.CLIENT }, this.#within);
  readonly #links: Link[] = [];
  #count = 0;
  #queue: string | undefined;

  *read(tasks: Iterable<NewTask>): Iterable<NewTask> {
    for (const given of tasks) {
      const { span, task } = producerSpan(given, 'create', this.#within);
      span.end();
      this.#queue ??= task.queue;
      this.#count += 1;
      if (this.#links.length < MAX_BATCH_LINKS) this.#links.push({ context: span.spanContext() });
      yield task;
    }
  }

  end(error?: unknown): void {
    const queue = this.#queue ?? '';
    this.#call.updateName(`send ${queue}`);
    this.#call.setAttributes(queueAttributes(queue, 'send'));
    this.#call.setAttribute('messaging.batch.message_count', this.#count);
    this.#call.addLinks(this.#links);
    if (error !== undefined) failSpan(this.#call, errorType(error));
    this.#call.end();
  }
}

/** Stores a batch within spans, if an SDK is set up. The tasks are still read one by one. */
export async function storeBatchInSpans(
  tasks: Iterable<NewTask>,
  store: (tasks: Iterable<NewTask>) => Promise<EnqueueOutcome[]>,
): Promise<EnqueueOutcome[]> {
  if (!isTracing()) return store(tasks);
  const spans = new BatchSpans();
  try {
    const outcomes = await store(spans.read(tasks));
    spans.end();
    return outcomes;
  } catch (error) {
    spans.end(error);
    throw error;
  }
}
