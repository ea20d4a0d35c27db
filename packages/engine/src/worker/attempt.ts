import type { Finish, LeasedTask } from '../broker/consume.ts';
import { HandlerError, NonRetryableError, type FailureHints } from '../errors/handler-errors.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { isBackoff } from '../policies/backoff.ts';
import { decideFailure, DEFAULT_RETRY_POLICY } from '../policies/retry-policy.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { AttemptRecord } from '../task/attempt-record.ts';
import { encodeContent } from '../task/payload.ts';
import type { HandlerContext, PreparedHandler } from './handlers.ts';

/** Why an attempt's signal aborted. */
export type AbortCause = 'timeout' | 'expired' | 'lease-lost' | 'shutdown';

/** Texts as Asynq's where it has one (protocol 2.8), so that Go's tools show what people know. */
const ABORT_TEXT: Record<AbortCause, string> = {
  timeout: 'context deadline exceeded',
  expired: 'context deadline exceeded',
  'lease-lost': 'asynq: task lease expired',
  shutdown: 'context canceled',
};

const ABORTED = Symbol('aborted');
const LONGEST_ERROR = 8_192;
const DEEPEST_CAUSE = 8;
/** Of an attempt that is given neither a timeout nor a deadline (protocol 4.6). */
const FALLBACK_TIMEOUT_MS = 30 * 60_000;
const LARGEST_RESULT = 256 * 1_024;
const LARGEST_NOTE = 16 * 1_024;

/** How the attempt ended, and why nothing is written if it was lost. */
export type AttemptEnd = Finish | 'lost';

/** One run of a task's handler. */
export class Attempt {
  readonly task: LeasedTask;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly #runtime: Runtime;
  readonly #worker: string;
  #controller: AbortController | undefined;
  #cause: AbortCause | undefined;
  #onAbort: (() => void) | undefined;
  #exchange: Readonly<Record<string, unknown>> | undefined;

  constructor(task: LeasedTask, { runtime, worker }: { runtime: Runtime; worker: string }) {
    this.task = task;
    this.#runtime = runtime;
    this.#worker = worker;
    this.startedMs = runtime.clock.wallMs();
    // The message has whole seconds only (data model, forms).
    const timeoutMs = task.meta.timeoutMs ?? task.timeoutMs;
    const timeoutAtMs = timeoutMs > 0 ? this.startedMs + timeoutMs : Infinity;
    const endsMs = Math.min(timeoutAtMs, task.deadlineMs > 0 ? task.deadlineMs : Infinity);
    this.deadlineMs = endsMs === Infinity ? this.startedMs + FALLBACK_TIMEOUT_MS : endsMs;
  }

  /** Made only for handlers that look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cause && !this.#controller.signal.aborted)
      this.#controller.abort(new Error(ABORT_TEXT[this.#cause]));
    return this.#controller.signal;
  }

  /** Ends the attempt at its deadline: by the task's own deadline for good, by its timeout to be tried again. */
  expire(): void {
    const { deadlineMs } = this.task;
    this.abort(deadlineMs > 0 && deadlineMs <= this.#runtime.clock.wallMs() ? 'expired' : 'timeout');
  }

  /** Ends the attempt now; the handler hears of it by its signal, its own end is ignored. */
  abort(cause: AbortCause): void {
    if (this.#cause) return;
    this.#cause = cause;
    this.#controller?.abort(new Error(ABORT_TEXT[cause]));
    this.#onAbort?.();
  }

  /** Runs the handler; resolves to how the attempt ended, never rejects. */
  async run(handler: PreparedHandler | undefined): Promise<AttemptEnd> {
    if (this.task.deadlineMs > 0 && this.task.deadlineMs <= this.startedMs) return this.#aborted('expired');
    try {
      if (!handler) throw new TaskCenterError('handler-missing', { type: this.task.type });
      const returned = handler(this.task, this.#context());
      if (!isThenable(returned)) return this.#succeeded(returned);
      const aborted = new Promise<typeof ABORTED>((resolve) => {
        this.#onAbort = () => resolve(ABORTED);
        if (this.#cause) resolve(ABORTED);
      });
      const first: unknown = await Promise.race([aborted, returned]);
      return this.#cause ? this.#aborted(this.#cause) : this.#succeeded(first);
    } catch (error) {
      return this.#cause ? this.#aborted(this.#cause) : this.#failed(error);
    }
  }

  #context(): HandlerContext {
    // A getter, because most handlers never ask for the signal.
    const signal = () => this.signal;
    return {
      get signal() {
        return signal();
      },
      deadlineMs: this.deadlineMs,
      log: this.#runtime.log,
      note: (exchange) => {
        this.#exchange = keptNote(exchange);
      },
    };
  }

  #aborted(cause: AbortCause): AttemptEnd {
    if (cause === 'lease-lost') return 'lost';
    if (cause === 'shutdown') return { outcome: 'requeue', task: this.task };
    const hints: FailureHints =
      cause === 'expired'
        ? { retryable: false, errorClass: 'expired', reason: 'past its deadline' }
        : { errorClass: 'timeout' };
    return this.#failed(new HandlerError(ABORT_TEXT[cause], hints));
  }

  #succeeded(value: unknown): AttemptEnd {
    const kept = this.task.retentionMs > 0;
    const bytes = kept ? encodeContent(value) : null;
    const tooLarge = bytes !== null && bytes.length > LARGEST_RESULT;
    const reason = tooLarge
      ? `a result of ${bytes.length} bytes was not kept (limit ${LARGEST_RESULT})`
      : undefined;
    const record = this.#record({ outcome: 'succeeded', ...(reason !== undefined && { reason }) });
    return { outcome: 'succeeded', task: this.task, record, result: tooLarge ? null : bytes };
  }

  #failed(error: unknown): AttemptEnd {
    const { task } = this;
    const hints = hintsOf(error);
    const stored = task.meta.backoff;
    // Other programs may have written it.
    const backoff = isBackoff(stored) ? stored : DEFAULT_RETRY_POLICY.backoff;
    const chance = this.#runtime.random();
    const { retried, maxRetries } = task;
    const decision = decideFailure({ retried, maxRetries, backoff, hints, chance });
    const record = this.#record({
      outcome: 'failed',
      reason: decision.reason,
      error: {
        class: hints.errorClass ?? classOf(error),
        message: textOf(error),
        ...(hints.status !== undefined && { status: hints.status }),
      },
      ...(decision.outcome === 'retry' && { nextMs: this.#runtime.clock.wallMs() + decision.delayMs }),
    });
    return decision.outcome === 'archive'
      ? { outcome: 'archive', task, record }
      : { outcome: 'retry', task, record, delayMs: decision.delayMs, countsAsFailure: true };
  }

  #record(end: Pick<AttemptRecord, 'outcome'> & Partial<AttemptRecord>): AttemptRecord {
    const { attempt, pendingSinceMs } = this.task;
    return {
      number: attempt,
      startedMs: this.startedMs,
      finishedMs: this.#runtime.clock.wallMs(),
      ...(pendingSinceMs !== null && { waitMs: Math.max(0, this.startedMs - pendingSinceMs) }),
      worker: this.#worker,
      ...(this.#exchange && { exchange: this.#exchange }),
      ...end,
    };
  }
}

/** The hints of an error, or of the nearest one that it wraps. */
function hintsOf(error: unknown): FailureHints {
  let one = error;
  try {
    for (let depth = 0; depth < DEEPEST_CAUSE && one instanceof Error; depth += 1) {
      if (one instanceof HandlerError || one instanceof NonRetryableError) return one.hints;
      one = one.cause;
    }
  } catch {
    // A cause that cannot be looked at has no hints.
  }
  return {};
}

/** Promises of any make, and what only looks like one: query builders run when they are awaited. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A copy, so that what becomes of the object later harms nobody; a note that cannot be kept says so instead. */
function keptNote(exchange: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    const text = JSON.stringify(exchange);
    const bytes = Buffer.byteLength(text);
    if (bytes <= LARGEST_NOTE) return JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { left_out: `a note of ${bytes} bytes (limit ${LARGEST_NOTE})` };
  } catch {
    return { left_out: 'a note that JSON cannot hold' };
  }
}

/** An error's name; anybody may have overwritten it, as the message below. */
function classOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  try {
    return typeof error.name === 'string' ? error.name : 'Error';
  } catch {
    return 'Error';
  }
}

/** A text of any thrown value, whatever it is. */
function textOf(error: unknown): string {
  let text: string;
  try {
    const shown: unknown = error instanceof Error ? error.message : error;
    text = typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? 'undefined');
  } catch {
    text = 'an error that cannot be shown';
  }
  return text.slice(0, LONGEST_ERROR).toWellFormed();
}
