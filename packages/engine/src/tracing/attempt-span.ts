import { context, SpanKind, trace, type Context, type Span } from '@opentelemetry/api';
import { contextOf, plainTaskId } from '@task-center/model';
import type { LeasedTask } from '../broker/consume.ts';
import type { Inspect } from '../broker/inspect.ts';
import type { Clock } from '../runtime/clock.ts';
import { failSpan, spanContextOf, storedContext, traceparentOf, tracer } from './trace-context.ts';

/** What an attempt's span needs to know besides the task. */
export interface AttemptSpanDeps {
  readonly inspect: Pick<Inspect, 'task'>;
  /** The worker's name. */
  readonly worker: string;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Start of the attempt, wall-clock ms. */
  readonly startedMs: number;
}

function spanOptions({ queue, id, type, attempt, payload, headers, meta }: LeasedTask, worker: string) {
  const business = meta.business ?? contextOf(headers).businessId;
  return {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'task_center',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': queue,
      'messaging.message.id': plainTaskId(id, meta.business ?? null),
      'messaging.message.body.size': payload?.length ?? 0,
      'messaging.client.id': worker,
      'task_center.type': type,
      'task_center.attempt': attempt,
      ...(business !== undefined && { 'task_center.business_id': business }),
    },
  };
}

/** The time between pending and the start, as a span of its own. */
function tellWait({ queue, pendingSinceMs }: LeasedTask, startedMs: number, parent: Context): void {
  if (pendingSinceMs === null) return;
  const startTime = Math.min(pendingSinceMs, startedMs);
  tracer().startSpan(`wait ${queue}`, { kind: SpanKind.INTERNAL, startTime }, parent).end(startedMs);
}

/**
 * The span of one attempt, in the trace of the submission. A later attempt links to the one before it, whose span is in the stored
 * record: it is read meanwhile, and only while an SDK is set up.
 */
export class AttemptSpan {
  /** Names the span. It is kept with the attempt. */
  readonly traceparent: string;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #span: Span;
  readonly #context: Context;
  readonly #linked: Promise<void> | undefined;

  constructor(task: LeasedTask, { inspect, worker, clock, startedMs }: AttemptSpanDeps) {
    this.#clock = clock;
    const parent = storedContext(task.headers);
    tellWait(task, startedMs, parent);
    this.#span = tracer().startSpan(`process ${task.queue}`, spanOptions(task, worker), parent);
    this.#context = trace.setSpan(parent, this.#span);
    this.traceparent = traceparentOf(this.#span.spanContext());
    if (task.attempt > 1) this.#linked = this.#link(task, inspect);
  }

  /** Runs a function, and what it starts, within the span. What runs beside it is not affected. */
  run<Returned>(call: () => Returned): Returned {
    return context.with(this.#context, call);
  }

  /** Ends the span now. `errorType`: undefined = the attempt has not failed. */
  end(errorType: string | undefined): void {
    if (errorType !== undefined) failSpan(this.#span, errorType);
    if (!this.#linked) return this.#span.end();
    const endMs = this.#clock.wallMs();
    void this.#linked.then(() => this.#span.end(endMs));
  }

  async #link({ queue, id }: LeasedTask, inspect: Pick<Inspect, 'task'>): Promise<void> {
    // A span without its link is better than none.
    const stored = await inspect.task({ queue, id }).catch(() => null);
    const traceparent = stored?.attempts.findLast((record) => record.traceparent !== undefined)?.traceparent;
    const previous = traceparent === undefined ? null : spanContextOf({ traceparent });
    if (previous !== null) this.#span.addLink({ context: previous });
  }
}
