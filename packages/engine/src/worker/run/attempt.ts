import { failedFinish, type AttemptRecord, type FailureHints } from '@task-center/model';
import type { Consume, Finish, LeasedTask } from '../../broker/consume.ts';
import { HandlerError } from '../../errors/handler-errors.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import type { Log } from '../../runtime/log.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { encodeContent } from '../../task/payload.ts';
import type { AttemptRules } from './attempt-rules.ts';
import { handledTask, type HandlerContext, type PreparedHandler } from './handlers.ts';
import { classOf, hintsOf, isRevocation, textOf } from './error-info.ts';

/** Why an attempt's signal aborted. */
export type AbortCause = 'timeout' | 'expired' | 'lease-lost' | 'cancelled' | 'shutdown';

/** Asynq's texts: errors are stored with the task, and Go's tools show them. See docs/design/protocol.md#errors. */
const ABORT_TEXT: Record<AbortCause, string> = {
  timeout: 'context deadline exceeded',
  expired: 'context deadline exceeded',
  'lease-lost': 'asynq: task lease expired',
  cancelled: 'context canceled',
  shutdown: 'context canceled',
};

/** The reason of a handler's signal. */
const reasonOf = (cause: AbortCause): Error => new Error(ABORT_TEXT[cause], { cause });

const SUCCEEDED = { outcome: 'succeeded' } as const;
/** Longest attempt of a task with neither a timeout nor a deadline, as in Asynq. */
const FALLBACK_TIMEOUT_MS = 30 * 60_000;
/** A larger result of a handler is not kept. */
const MAX_RESULT_BYTES = 256 * 1_024;
/** Most bytes of the facts in an attempt's record, as JSON. */
const MAX_FACTS_BYTES = 16 * 1_024;

/** What to hand in for an attempt. `lost`: nothing, because its lease is lost. */
export type AttemptEnd = Finish | 'lost';

/** What all attempts of a worker share. */
export interface AttemptDeps {
  readonly consume: Pick<Consume, 'keepResults'>;
  readonly runtime: Runtime;
  /** The worker's name. */
  readonly worker: string;
  readonly rules: AttemptRules;
}

/** What a handler's context needs from its attempt. */
interface ContextSource {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  record(facts: Readonly<Record<string, unknown>>): void;
  setResult(value: unknown): Promise<void>;
}

/** A class with getters: there is one per attempt, and most handlers use none of it. */
class AttemptContext implements HandlerContext {
  readonly deadlineMs: number;
  readonly log: Log;
  readonly #attempt: ContextSource;

  constructor(attempt: ContextSource, log: Log) {
    this.deadlineMs = attempt.deadlineMs;
    this.log = log;
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  // Handlers may destructure the context: these return functions that need no `this`.
  get record(): HandlerContext['record'] {
    return (facts) => this.#attempt.record(facts);
  }

  get setResult(): HandlerContext['setResult'] {
    return (value) => this.#attempt.setResult(value);
  }
}

/** One run of a task's handler: how long it may last, how it is ended early, and what is handed in for it. */
export class Attempt implements ContextSource {
  readonly task: LeasedTask;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly #deps: AttemptDeps;
  #controller: AbortController | undefined;
  #cause: AbortCause | undefined;
  #onAbort: (() => void) | undefined;
  #isOver = false;
  #facts: Readonly<Record<string, unknown>> | undefined;

  constructor(task: LeasedTask, deps: AttemptDeps) {
    this.task = task;
    this.#deps = deps;
    this.startedMs = deps.runtime.clock.wallMs();
    // Asynq's message has whole seconds only; `meta` has the exact ms.
    const timeoutMs = task.meta.timeoutMs ?? task.timeoutMs;
    // Go's clients may store a negative timeout: such an attempt is over at once.
    const timeoutAtMs = timeoutMs !== 0 ? this.startedMs + timeoutMs : Infinity;
    const endsMs = Math.min(timeoutAtMs, task.deadlineMs > 0 ? task.deadlineMs : Infinity);
    this.deadlineMs = endsMs === Infinity ? this.startedMs + FALLBACK_TIMEOUT_MS : endsMs;
  }

  /** Created only for handlers that use it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cause && !this.#controller.signal.aborted) this.#controller.abort(reasonOf(this.#cause));
    return this.#controller.signal;
  }

  /** Ends the attempt at its end time. After the task's deadline it has expired for good; after a timeout it is retried. */
  expire(): void {
    const { deadlineMs } = this.task;
    this.abort(deadlineMs > 0 && deadlineMs <= this.#deps.runtime.clock.wallMs() ? 'expired' : 'timeout');
  }

  /** Ends the attempt now. Its signal aborts, and whatever the handler does after that is ignored. */
  abort(cause: AbortCause): void {
    if (this.#cause) return;
    this.#cause = cause;
    this.#controller?.abort(reasonOf(cause));
    this.#onAbort?.();
  }

  /** Runs the handler. Returns how the attempt ended, synchronously if the handler did. Never throws or rejects. */
  run(handler: PreparedHandler | undefined): AttemptEnd | Promise<AttemptEnd> {
    if (this.deadlineMs <= this.startedMs) {
      this.expire();
      return this.#end(this.#endAborted(this.#cause ?? 'timeout'));
    }
    try {
      if (!handler) throw new TaskCenterError('handler-missing', { type: this.task.type });
      const returned = handler(this.task, new AttemptContext(this, this.#deps.runtime.log));
      return isThenable(returned) ? this.#awaitEnd(returned) : this.#end(this.#endSucceeded(returned));
    } catch (error) {
      return this.#end(this.#cause ? this.#endAborted(this.#cause) : this.#endFailed(error));
    }
  }

  /** Neither an async function nor a race: each keeps several objects while the attempt runs, and many run at once. */
  #awaitEnd(returned: PromiseLike<unknown>): Promise<AttemptEnd> {
    return new Promise((resolve) => {
      const end = (outcome: () => AttemptEnd) => {
        if (!this.#isOver) resolve(this.#end(this.#settled(outcome)));
      };
      // Not within `abort`: its caller has more to do first.
      this.#onAbort = () => queueMicrotask(() => end(() => 'lost'));
      if (this.#cause) this.#onAbort();
      Promise.resolve(returned).then(
        (value) => end(() => this.#endSucceeded(value)),
        (error: unknown) => end(() => this.#endFailed(error)),
      );
    });
  }

  /** The outcome, unless the attempt was aborted before. */
  #settled(outcome: () => AttemptEnd): AttemptEnd {
    try {
      return this.#cause ? this.#endAborted(this.#cause) : outcome();
    } catch (error) {
      return this.#endFailed(error);
    }
  }

  #end(end: AttemptEnd): AttemptEnd {
    this.#isOver = true;
    return end;
  }

  /** Keeps facts with the attempt's record. */
  record(facts: Readonly<Record<string, unknown>>): void {
    this.#facts = copyFacts(facts);
  }

  #endAborted(cause: AbortCause): AttemptEnd {
    if (cause === 'lease-lost') {
      this.#reportError(new Error(ABORT_TEXT[cause]));
      return 'lost';
    }
    if (cause === 'shutdown') return { outcome: 'requeue', task: this.task };
    const hints: FailureHints =
      cause === 'expired' && this.#deps.rules.deadlineIsFinal
        ? { retryable: false, errorClass: 'expired', reason: 'past its deadline' }
        : { errorClass: cause };
    return this.#endFailed(new HandlerError(ABORT_TEXT[cause], hints));
  }

  #reportError(error: unknown): void {
    this.#deps.rules.onError(error, () => handledTask(this.task));
  }

  /** See `HandlerContext.setResult`. */
  async setResult(value: unknown): Promise<void> {
    const { task } = this;
    const result = encodeContent(value) ?? Buffer.alloc(0);
    if (result.length > MAX_RESULT_BYTES) {
      const got = `${result.length} bytes`;
      const expected = `at most ${MAX_RESULT_BYTES} bytes`;
      throw new TaskCenterError('invalid-value', { name: 'result', got, expected });
    }
    const isRunning = !this.#isOver && !this.#cause;
    const [kept] = isRunning ? await this.#deps.consume.keepResults([{ task, result }]) : [false];
    if (kept !== true) throw new TaskCenterError('attempt-over', { id: task.id, queue: task.queue });
  }

  #endSucceeded(value: unknown): AttemptEnd {
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

  #endFailed(error: unknown): AttemptEnd {
    const { task } = this;
    this.#reportError(error);
    if (isRevocation(error)) return { outcome: 'revoked', task, record: this.#failureRecord(error) };
    const { rules, runtime } = this.#deps;
    const record = this.#failureRecord(error);
    return failedFinish(
      task,
      { record, hints: hintsOf(error), isFailure: () => rules.isFailure(error) },
      { backoff: rules.backoff, nowMs: record.finishedMs, chance: runtime.random() },
    );
  }

  #failureRecord(error: unknown): AttemptRecord {
    const { errorClass, status } = hintsOf(error);
    const shown = { class: errorClass ?? classOf(error), message: textOf(error) };
    return this.#record({
      outcome: 'failed',
      error: { ...shown, ...(status !== undefined && { status }) },
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
      ...(this.#facts && { exchange: this.#facts }),
      ...end,
    };
  }
}

/** Any object with a `then`: promises of other libraries, and query builders that run when they are awaited. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A copy, because the handler may change its object later. Facts that cannot be kept are replaced by a remark. */
function copyFacts(facts: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    const text = JSON.stringify(facts);
    const bytes = Buffer.byteLength(text);
    if (bytes <= MAX_FACTS_BYTES) return JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { left_out: `facts of ${bytes} bytes (limit ${MAX_FACTS_BYTES})` };
  } catch {
    return { left_out: 'facts that JSON cannot represent' };
  }
}
