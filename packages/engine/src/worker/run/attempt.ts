import { setMaxListeners } from 'node:events';
import type { Consume, LeasedTask } from '../../broker/consume.ts';
import { withoutStack } from '../../errors/stack.ts';
import { invalidValue, TaskCenterError } from '../../errors/task-center-error.ts';
import type { Log } from '../../runtime/log.ts';
import { AttemptContext, copyFacts } from './context.ts';
import type { PreparedHandler } from './handlers.ts';
import { encodeEarlyResult } from './results.ts';
import type { NoteKeeper } from './note-keeper.ts';
import { createTaskLog } from './task-log.ts';
import {
  abortReason,
  endAborted,
  endFailed,
  endSucceeded,
  type AbortCause,
  type AttemptEnd,
  type OutcomeDeps,
} from './outcome.ts';

/** Longest attempt of a task with neither a timeout nor a deadline, as in Asynq. */
const FALLBACK_TIMEOUT_MS = 30 * 60_000;
/** Longest note of a handler, characters. */
const MAX_NOTE_LENGTH = 1_000;

/** What all attempts of a worker share. */
export interface AttemptDeps extends OutcomeDeps {
  readonly consume: Pick<Consume, 'keepResults'>;
  readonly notes: Pick<NoteKeeper, 'keepLine' | 'setProgress'>;
}

/** When an attempt that starts now must end, wall-clock ms. */
function endOf({ meta, timeoutMs, deadlineMs }: LeasedTask, startedMs: number): number {
  // Asynq's message has whole seconds only; `meta` has the exact ms.
  const exactMs = meta.timeoutMs ?? timeoutMs;
  // Go's clients may store a negative timeout: such an attempt is over at once.
  const timeoutAtMs = exactMs !== 0 ? startedMs + exactMs : Infinity;
  const endsMs = Math.min(timeoutAtMs, deadlineMs > 0 ? deadlineMs : Infinity);
  return endsMs === Infinity ? startedMs + FALLBACK_TIMEOUT_MS : endsMs;
}

/**
 * One run of a task's handler: call it, wait for it, and decide the outcome. `abort` ends the wait early; what the handler
 * does after that is ignored. There may be 100,000 attempts a second, so handlers that return synchronously need no promise,
 * and what a handler seldom uses is created only when it does.
 */
export class Attempt {
  readonly task: LeasedTask;
  readonly deps: AttemptDeps;
  /** Wall-clock ms. */
  readonly startedMs: number;
  /** The same moment, monotonic. */
  readonly sinceMs: number;
  readonly deadlineMs: number;
  traceparent: string | undefined;
  /** What its handler recorded. */
  facts: Readonly<Record<string, unknown>> | undefined;
  note: string | undefined;
  /** What made it fail. */
  thrown: unknown;
  #log: Log | undefined;
  #controller: AbortController | undefined;
  #cause: AbortCause | undefined;
  #isAsked = false;
  #onAbort: (() => void) | undefined;
  #isOver = false;

  constructor(task: LeasedTask, deps: AttemptDeps) {
    this.task = task;
    this.deps = deps;
    this.startedMs = deps.runtime.clock.wallMs();
    this.sinceMs = deps.runtime.clock.monotonicMs();
    this.deadlineMs = endOf(task, this.startedMs);
  }

  /** Runs the handler. Returns how the attempt ended, synchronously if the handler did. Never throws or rejects. */
  run(handler: PreparedHandler | undefined): AttemptEnd | Promise<AttemptEnd> {
    if (this.deadlineMs <= this.startedMs) {
      this.expire();
      return this.#end(endAborted(this, this.#cause ?? 'timeout'));
    }
    try {
      if (!handler) throw withoutStack(new TaskCenterError('handler-missing', { type: this.task.type }));
      const returned = handler(this.task, new AttemptContext(this));
      return isThenable(returned) ? this.#waitFor(returned) : this.#end(endSucceeded(this, returned));
    } catch (error) {
      return this.#end(this.#decide(endFailed, error));
    }
  }

  /** Neither an async function nor a race: each keeps several objects while the attempt runs, and many run at once. */
  #waitFor(returned: PromiseLike<unknown>): Promise<AttemptEnd> {
    return new Promise((resolve) => {
      const end = (decide: typeof endFailed, result: unknown) => {
        if (!this.#isOver) resolve(this.#end(this.#decide(decide, result)));
      };
      // Not within `abort`: its caller has more to do first.
      this.#onAbort = () => queueMicrotask(() => end(endFailed, undefined));
      if (this.#cause) this.#onAbort();
      Promise.resolve(returned).then(
        (value) => end(endSucceeded, value),
        (error: unknown) => end(endFailed, error),
      );
    });
  }

  /** Decides by what the handler did, unless the attempt was aborted before. */
  #decide(decide: typeof endFailed, result: unknown): AttemptEnd {
    try {
      return this.#cause ? endAborted(this, this.#cause) : decide(this, result);
    } catch (error) {
      return endFailed(this, error);
    }
  }

  #end(end: AttemptEnd): AttemptEnd {
    this.#isOver = true;
    return end;
  }

  /** Ends the attempt now. Its signal aborts, and whatever the handler does after that is ignored. */
  abort(cause: AbortCause): void {
    if (this.#cause) return;
    this.#cause = cause;
    this.#controller?.abort(abortReason(cause));
    this.#onAbort?.();
  }

  /**
   * Asks the handler to stop, because the task must be cancelled: its signal aborts. What it does then is the attempt's
   * outcome, as ever. One that takes no notice goes on until its time is over.
   */
  askToStop(): void {
    this.#isAsked = true;
    if (!this.#cause) this.#controller?.abort(abortReason('cancelled'));
  }

  /**
   * Ends the attempt at its end time; `createDeadlines` watches the time. After the task's deadline it has expired for
   * good; after a timeout it is retried.
   */
  expire(): void {
    const { deadlineMs } = this.task;
    this.abort(deadlineMs > 0 && deadlineMs <= this.deps.runtime.clock.wallMs() ? 'expired' : 'timeout');
  }

  /** Created only for handlers that use it. */
  get signal(): AbortSignal {
    this.#controller ??= createController();
    const cause = this.#cause ?? (this.#isAsked ? 'cancelled' : null);
    if (cause && !this.#controller.signal.aborted) this.#controller.abort(abortReason(cause));
    return this.#controller.signal;
  }

  /** Created only for handlers that use it. */
  get log(): Log {
    const { runtime, notes } = this.deps;
    const { log, clock } = runtime;
    const { keepLine } = notes;
    return (this.#log ??= createTaskLog(this.task, { log, wallMs: () => clock.wallMs(), keepLine }));
  }

  /** See `HandlerContext.record`. */
  record(facts: Readonly<Record<string, unknown>>, note?: string): void {
    this.facts = copyFacts(facts);
    this.note = typeof note === 'string' ? note.slice(0, MAX_NOTE_LENGTH).toWellFormed() : undefined;
  }

  /** See `HandlerContext.progress`. */
  progress(percent: number, message?: string): void {
    if (typeof percent !== 'number' || !Number.isFinite(percent))
      throw invalidValue('percent', percent, 'a number from 0 to 100');
    if (message !== undefined && typeof message !== 'string')
      throw invalidValue('message', message, 'a text');
    if (this.#isOver) return;
    const cut = message?.slice(0, MAX_NOTE_LENGTH).toWellFormed() ?? null;
    this.deps.notes.setProgress(this.task, Math.min(100, Math.max(0, percent)), cut);
  }

  /** See `HandlerContext.setResult`. */
  async setResult(value: unknown): Promise<void> {
    const { task } = this;
    const result = encodeEarlyResult(value);
    const isRunning = !this.#isOver && !this.#cause;
    const [kept] = isRunning ? await this.deps.consume.keepResults([{ task, result }]) : [false];
    if (kept !== true) throw new TaskCenterError('attempt-over', { id: task.id, queue: task.queue });
  }
}

/** A handler may pass its signal to any number of calls: Node warns of more than ten listeners. */
function createController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * Any object with a `then`: promises of other libraries, and query builders that run when they are awaited. One whose `then`
 * cannot be read is a result that cannot be kept: its handler has succeeded.
 */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    if (value instanceof Promise) return true;
    return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
  } catch {
    return false;
  }
}
