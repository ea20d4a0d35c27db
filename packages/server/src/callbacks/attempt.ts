/** One attempt to deliver a task's callback: check the URL, send, decide the outcome, record it and log it. */
import { randomBytes } from 'node:crypto';
import {
  HandlerError,
  logicalQueue,
  plainTaskId,
  traceIdOf,
  withoutStack,
  type Clock,
  type HandledTask,
  type HandlerContext,
  type Log,
} from '@task-center/engine';
import { callbackOf, type Callback } from './callback.ts';
import type { Delivered, Deliverer, DeliverLimits } from './deliver.ts';
import type { Fault } from './faults.ts';
import { exchangeRecord } from './kept-exchange.ts';
import { ClientSpan } from '../observe/spans.ts';
import type { NotSent } from './not-sent.ts';
import { outcomeOf, type CallbackOutcome } from './outcome.ts';
import { callbackRequest, type CallbackRequest, type Delivery } from './request.ts';
import { checkCallbackUrl, type UrlRules } from './url-rules.ts';
import type { EndedCallback, ServiceMetrics } from '../observe/service-metrics.ts';
import { fireOf } from '../task-fire.ts';

export interface AttemptDeps {
  readonly deliverer: Deliverer;
  readonly rules: UrlRules;
  readonly notSent: NotSent;
  readonly clock: Clock;
  readonly log: Log;
  /** Counts callbacks. Left out = nobody does. */
  readonly counts?: Pick<ServiceMetrics, 'callbackBegan' | 'callbackEnded'> | undefined;
}

/**
 * How long before the engine's timeout an exchange ends. The engine only knows that an attempt timed out; ending the exchange
 * first records what was sent and answered until then.
 */
const END_EARLY_MS = 15;
/** How long before its exchange an attempt may have begun, on a busy machine. */
const MAX_START_MS = 250;

type Task = HandledTask<unknown>;

type Times = Pick<Delivery, 'startedMs' | 'deadlineMs'>;

/** When an attempt runs, and the span of its request; undefined = there are no traces. */
interface Sending extends Times {
  readonly span: ClientSpan | undefined;
}

function deliveryOf(task: Task, callback: Callback, { span, ...times }: Sending): Delivery {
  const { meta } = task;
  return {
    callback,
    id: plainTaskId(task.id, meta.business ?? null),
    queue: logicalQueue(task.queue).name,
    type: task.type,
    payload: task.payloadBytes,
    contentType: meta.contentType,
    context: { ...task.context, ...span?.headers },
    fire: fireOf(meta),
    attempt: task.attempt,
    maxAttempts: task.maxRetries + 1,
    createdMs: meta.createdMs ?? 0,
    ...times,
    spanId: span?.spanId ?? randomBytes(8).toString('hex'),
  };
}

/** @throws DeferError no rule allows the URL */
function urlFault(url: string, { rules, notSent }: AttemptDeps): Fault | null {
  const verdict = checkCallbackUrl(url, rules);
  if (verdict.ok) return null;
  if (verdict.code === 'url-blocked') throw notSent.blocked(verdict);
  return { class: 'invalid_url', message: verdict.message };
}

const undelivered = (fault: Fault): Delivered => ({
  answer: null,
  fault,
  remoteAddress: null,
  connectMs: null,
  resent: null,
});

/**
 * Longest duration of the exchange. Before a timeout it ends early. Before the task's own deadline it does not: there the
 * engine must end the attempt, because no retry follows. Once a status was read the exchange decides, so then it ends early,
 * too.
 */
function exchangeLimits(
  { timeoutMs }: Task,
  { startedMs, deadlineMs }: Times,
): Omit<DeliverLimits, 'connectMs'> {
  if (deadlineMs === 0) return { totalMs: Infinity };
  const leftMs = deadlineMs - startedMs;
  const answerMs = Math.max(1, leftMs - END_EARLY_MS);
  const endsByTimeout = timeoutMs > 0 && leftMs >= timeoutMs - MAX_START_MS;
  return {
    totalMs: endsByTimeout ? answerMs : leftMs + END_EARLY_MS,
    answerMs,
    namedMs: endsByTimeout ? timeoutMs : leftMs,
  };
}

function logFields(task: Task, delivery: Delivery): Record<string, unknown> {
  const { businessId, userId, traceparent } = task.context;
  return {
    task_id: delivery.id,
    queue: delivery.queue,
    type: task.type,
    attempt: task.attempt,
    business_id: businessId,
    user_id: userId,
    trace_id: traceIdOf(traceparent) ?? undefined,
    span_id: delivery.spanId,
    method: delivery.callback.method,
  };
}

interface FinishedAttempt {
  readonly task: Task;
  readonly delivery: Delivery;
  readonly delivered: Delivered;
  readonly outcome: CallbackOutcome;
  /** Of the attempt. */
  readonly signal: AbortSignal;
  /** When it began, monotonic. */
  readonly sinceMs: number;
}

/**
 * Logs one line per attempt: failures as warnings, others at level debug. Never the payload or the answer. An attempt that was ended
 * before its answer is the worker's to tell: its task was given back, or it has run out of time.
 */
function logOutcome(
  { clock, log }: AttemptDeps,
  { task, delivery, delivered, outcome, signal, sinceMs }: FinishedAttempt,
): void {
  const fields = {
    ...logFields(task, delivery),
    status: delivered.answer?.status,
    duration_ms: Math.round(clock.monotonicMs() - sinceMs),
  };
  if (outcome.ok) return log.debug({ ...fields, reason: outcome.note ?? undefined }, 'a callback succeeded');
  if (signal.aborted) return log.debug(fields, 'a callback was ended early');
  const err = { class: outcome.hints.errorClass, message: outcome.message };
  const reason = [outcome.hints.reason, outcome.note].filter(Boolean).join('; ');
  log.warn({ ...fields, err, reason }, 'a callback attempt failed');
}

async function send(
  deps: AttemptDeps,
  task: Task,
  exchange: { delivery: Delivery; request: CallbackRequest; signal: AbortSignal },
): Promise<Delivered> {
  const { delivery, request, signal } = exchange;
  const fault = urlFault(request.url, deps);
  if (fault) return undelivered(fault);
  const delivered = await deps.deliverer.deliver(request, {
    connectMs: delivery.callback.connectTimeoutMs,
    ...exchangeLimits(task, delivery),
    signal,
  });
  const { answer, fault: failed } = delivered;
  if (answer === null && failed?.own) throw deps.notSent.refused(failed.own, request.url);
  if (delivered.connectMs !== null) deps.notSent.onSent();
  return delivered;
}

/** Sends, decides the outcome and counts it. What could not be sent, for a reason of our own, is no callback. */
async function sendCounted({ counts, clock }: AttemptDeps, sinceMs: number, work: () => Promise<Delivered>) {
  counts?.callbackBegan();
  let ended: Pick<EndedCallback, 'status' | 'error'> | null = null;
  try {
    const delivered = await work();
    const outcome = outcomeOf(delivered, clock.wallMs());
    const error = outcome.ok ? null : (outcome.hints.errorClass ?? 'unknown');
    ended = { status: delivered.answer?.status ?? null, error };
    return { delivered, outcome };
  } finally {
    counts?.callbackEnded(ended && { ...ended, ms: clock.monotonicMs() - sinceMs });
  }
}

/**
 * Delivers a task once and records the exchange with the attempt. Resolves to the task's result.
 *
 * @throws HandlerError the delivery failed; its hints say whether and when to retry
 * @throws DeferError it could not be sent, for a reason of our own
 */
export async function deliverTask(
  deps: AttemptDeps,
  task: Task,
  context: Pick<HandlerContext, 'signal' | 'deadlineMs' | 'record'>,
): Promise<Uint8Array | undefined> {
  const callback = callbackOf(task.meta);
  if (!callback)
    throw new HandlerError('the task has no readable callback', {
      retryable: false,
      errorClass: 'undecodable',
    });
  const deadlineMs = context.deadlineMs === Infinity ? 0 : context.deadlineMs;
  const span = ClientSpan.start(callback.method, callback.url, task.attempt);
  const sending = { startedMs: deps.clock.wallMs(), deadlineMs, span };
  const delivery = deliveryOf(task, callback, sending);
  const request = callbackRequest(delivery);
  const sinceMs = deps.clock.monotonicMs();
  const exchange = { delivery, request, signal: context.signal };
  const { delivered, outcome } = await sendCounted(deps, sinceMs, async () => {
    const sent = await send(deps, task, exchange).catch((error) => {
      span?.end(undefined, 'not_sent');
      throw error;
    });
    span?.end(sent.answer?.status, sent.fault?.class);
    return sent;
  });
  context.record({ ...exchangeRecord(request, delivered) }, outcome.note ?? undefined);
  logOutcome(deps, { task, delivery, delivered, outcome, signal: context.signal, sinceMs });
  if (!outcome.ok)
    throw withoutStack(new HandlerError(outcome.message, { ...outcome.hints, isLogged: true }));
  return outcome.result ?? undefined;
}
