import type { Consume, Finish, LeasedTask } from '../../broker/consume.ts';
import { HandlerError, type FailureHints } from '../../errors/handler-errors.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import { isBackoff } from '../../policies/backoff.ts';
import { decideFailure } from '../../policies/retry-policy.ts';
import type { Log } from '../../runtime/log.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { AttemptRecord } from '../../task/attempt-record.ts';
import { encodeContent } from '../../task/payload.ts';
import type { AttemptRules } from './attempt-rules.ts';
import { handledTask, type HandlerContext, type PreparedHandler } from './handlers.ts';
import { classOf, hintsOf, revokes, textOf } from './error-info.ts';

/** Why an attempt's signal aborted. */
export type AbortCause = 'timeout' | 'expired' | 'lease-lost' | 'cancelled' | 'shutdown';

/** Texts as Asynq's where it has one (protocol 2.8), so that Go's tools show what people know. */
const ABORT_TEXT: Record<AbortCause, string> = {
  timeout: 'context deadline exceeded',
  expired: 'context deadline exceeded',
  'lease-lost': 'asynq: task lease expired',
  cancelled: 'context canceled',
  shutdown: 'context canceled',
};

/** What a handler's signal gives as its reason. */
const reasonOf = (cause: AbortCause): Error => new Error(ABORT_TEXT[cause], { cause });

const SUCCEEDED = { outcome: 'succeeded' } as const;
/** Of an attempt that is given neither a timeout nor a deadline (protocol 4.6). */
const FALLBACK_TIMEOUT_MS = 30 * 60_000;
const MAX_RESULT_BYTES = 256 * 1_024;
const MAX_NOTE_BYTES = 16 * 1_024;

/** How the attempt ended, and why nothing is written if it was lost. */
export type AttemptEnd = Finish | 'lost';

/** What attempts share of their worker. */
export interface AttemptDeps {
  readonly consume: Pick<Consume, 'keepResults'>;
  readonly runtime: Runtime;
  /** The worker's name. */
  readonly worker: string;
  readonly rules: AttemptRules;
}

/** What a context needs of its attempt. */
interface ContextParts {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  keep(exchange: Readonly<Record<string, unknown>>): void;
  setResult(value: unknown): Promise<void>;
}

/** A class with getters, as there is one for each attempt, and most handlers look at none of it. */
class Context implements HandlerContext {
  readonly deadlineMs: number;
  readonly log: Log;
  readonly #attempt: ContextParts;

  constructor(attempt: ContextParts, log: Log) {
    this.deadlineMs = attempt.deadlineMs;
    this.log = log;
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  // Functions that may be taken out of the context.
  get note(): HandlerContext['note'] {
    return (exchange) => this.#attempt.keep(exchange);
  }

  get setResult(): HandlerContext['setResult'] {
    return (value) => this.#attempt.setResult(value);
  }
}

/** One run of a task's handler. */
export class Attempt implements ContextParts {
  readonly task: LeasedTask;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly #deps: AttemptDeps;
  #controller: AbortController | undefined;
  #cause: AbortCause | undefined;
  #onAbort: (() => void) | undefined;
  #over = false;
  #exchange: Readonly<Record<string, unknown>> | undefined;

  constructor(task: LeasedTask, deps: AttemptDeps) {
    this.task = task;
    this.#deps = deps;
    this.startedMs = deps.runtime.clock.wallMs();
    // The message has whole seconds only (data model, forms).
    const timeoutMs = task.meta.timeoutMs ?? task.timeoutMs;
    // A negative one of Go is over at once (protocol 4.6).
    const timeoutAtMs = timeoutMs !== 0 ? this.startedMs + timeoutMs : Infinity;
    const endsMs = Math.min(timeoutAtMs, task.deadlineMs > 0 ? task.deadlineMs : Infinity);
    this.deadlineMs = endsMs === Infinity ? this.startedMs + FALLBACK_TIMEOUT_MS : endsMs;
  }

  /** Made only for handlers that look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cause && !this.#controller.signal.aborted) this.#controller.abort(reasonOf(this.#cause));
    return this.#controller.signal;
  }

  /** Ends the attempt at its deadline: by the task's own deadline for good, by its timeout to be tried again. */
  expire(): void {
    const { deadlineMs } = this.task;
    this.abort(deadlineMs > 0 && deadlineMs <= this.#deps.runtime.clock.wallMs() ? 'expired' : 'timeout');
  }

  /** Ends the attempt now; the handler hears of it by its signal, its own end is ignored. */
  abort(cause: AbortCause): void {
    if (this.#cause) return;
    this.#cause = cause;
    this.#controller?.abort(reasonOf(cause));
    this.#onAbort?.();
  }

  /** Runs the handler; gives how the attempt ended, at once if the handler did; never throws or rejects. */
  run(handler: PreparedHandler | undefined): AttemptEnd | Promise<AttemptEnd> {
    if (this.deadlineMs <= this.startedMs) {
      this.expire();
      return this.#end(this.#aborted(this.#cause ?? 'timeout'));
    }
    try {
      if (!handler) throw new TaskCenterError('handler-missing', { type: this.task.type });
      const returned = handler(this.task, new Context(this, this.#deps.runtime.log));
      return isThenable(returned) ? this.#awaited(returned) : this.#end(this.#succeeded(returned));
    } catch (error) {
      return this.#end(this.#cause ? this.#aborted(this.#cause) : this.#failed(error));
    }
  }

  /** No async function and no race: each holds several objects for as long as the attempt runs, and many run at once. */
  #awaited(returned: PromiseLike<unknown>): Promise<AttemptEnd> {
    return new Promise((resolve) => {
      const end = (outcome: () => AttemptEnd) => {
        if (!this.#over) resolve(this.#end(this.#settled(outcome)));
      };
      // Not within `abort`: whoever calls it has more to do first.
      this.#onAbort = () => queueMicrotask(() => end(() => 'lost'));
      if (this.#cause) this.#onAbort();
      Promise.resolve(returned).then(
        (value) => end(() => this.#succeeded(value)),
        (error: unknown) => end(() => this.#failed(error)),
      );
    });
  }

  /** What came of the handler, unless it was ended before. */
  #settled(outcome: () => AttemptEnd): AttemptEnd {
    try {
      return this.#cause ? this.#aborted(this.#cause) : outcome();
    } catch (error) {
      return this.#failed(error);
    }
  }

  #end(end: AttemptEnd): AttemptEnd {
    this.#over = true;
    return end;
  }

  /** Keeps facts with the attempt's record. */
  keep(exchange: Readonly<Record<string, unknown>>): void {
    this.#exchange = keptNote(exchange);
  }

  #aborted(cause: AbortCause): AttemptEnd {
    if (cause === 'lease-lost') {
      this.#told(new Error(ABORT_TEXT[cause]));
      return 'lost';
    }
    if (cause === 'shutdown') return { outcome: 'requeue', task: this.task };
    const hints: FailureHints =
      cause === 'expired' && this.#deps.rules.deadlineIsFinal
        ? { retryable: false, errorClass: 'expired', reason: 'past its deadline' }
        : { errorClass: cause };
    return this.#failed(new HandlerError(ABORT_TEXT[cause], hints));
  }

  #told(error: unknown): void {
    this.#deps.rules.onError(error, () => handledTask(this.task));
  }

  /** Writes the task's result while the handler runs. @throws TaskCenterError as `HandlerContext.setResult` */
  async setResult(value: unknown): Promise<void> {
    const { task } = this;
    const result = encodeContent(value) ?? Buffer.alloc(0);
    if (result.length > MAX_RESULT_BYTES) {
      const got = `${result.length} bytes`;
      const expected = `at most ${MAX_RESULT_BYTES} bytes`;
      throw new TaskCenterError('invalid-value', { name: 'result', got, expected });
    }
    const goesOn = !this.#over && !this.#cause;
    const [kept] = goesOn ? await this.#deps.consume.keepResults([{ task, result }]) : [false];
    if (kept !== true) throw new TaskCenterError('attempt-over', { id: task.id, queue: task.queue });
  }

  #succeeded(value: unknown): AttemptEnd {
    if (this.task.retentionMs <= 0) {
      return { outcome: 'succeeded', task: this.task, record: this.#record(SUCCEEDED), result: null };
    }
    const bytes = encodeContent(value);
    const tooLarge = bytes !== null && bytes.length > MAX_RESULT_BYTES;
    const reason = tooLarge
      ? `a result of ${bytes.length} bytes was not kept (limit ${MAX_RESULT_BYTES})`
      : undefined;
    const record = this.#record({ outcome: 'succeeded', ...(reason !== undefined && { reason }) });
    return { outcome: 'succeeded', task: this.task, record, result: tooLarge ? null : bytes };
  }

  #failed(error: unknown): AttemptEnd {
    const { task } = this;
    this.#told(error);
    if (revokes(error)) return { outcome: 'revoked', task, record: this.#failure(error) };
    const { rules, runtime } = this.#deps;
    const hints = hintsOf(error);
    const stored = task.meta.backoff;
    // Other programs may have written it.
    const backoff = isBackoff(stored) ? stored : rules.backoff;
    const chance = runtime.random();
    const { retried, maxRetries } = task;
    const decision = decideFailure({ retried, maxRetries, backoff, hints, chance });
    if (decision.outcome === 'archive') {
      return { outcome: 'archive', task, record: this.#failure(error, { reason: decision.reason }) };
    }
    const { delayMs, reason } = decision;
    const record = this.#failure(error, { reason, nextMs: runtime.clock.wallMs() + delayMs });
    return { outcome: 'retry', task, record, delayMs, countsAsFailure: rules.isFailure(error) };
  }

  #failure(error: unknown, more: Partial<AttemptRecord> = {}): AttemptRecord {
    const { errorClass, status } = hintsOf(error);
    const told = { class: errorClass ?? classOf(error), message: textOf(error) };
    return this.#record({
      outcome: 'failed',
      ...more,
      error: { ...told, ...(status !== undefined && { status }) },
    });
  }

  #record(end: Pick<AttemptRecord, 'outcome'> & Partial<AttemptRecord>): AttemptRecord {
    const { attempt, pendingSinceMs } = this.task;
    return {
      number: attempt,
      startedMs: this.startedMs,
      finishedMs: this.#deps.runtime.clock.wallMs(),
      ...(pendingSinceMs !== null && { waitMs: Math.max(0, this.startedMs - pendingSinceMs) }),
      worker: this.#deps.worker,
      ...(this.#exchange && { exchange: this.#exchange }),
      ...end,
    };
  }
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
    if (bytes <= MAX_NOTE_BYTES) return JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { left_out: `a note of ${bytes} bytes (limit ${MAX_NOTE_BYTES})` };
  } catch {
    return { left_out: 'a note that JSON cannot hold' };
  }
}
