import type { Consume, FinishOutcome, GivenBack, LeasedTask } from '../../broker/consume.ts';
import { Changed } from '../../runtime/changed.ts';
import { deferred, type Admission } from '../admission.ts';
import type { ExchangeLoop } from '../fetch/exchange-loop.ts';
import type { HeldTask } from '../held-task.ts';
import type { TaskSlots } from '../slots.ts';
import { Attempt, type AttemptDeps } from './attempt.ts';
import { isGivenBack } from '../../broker/given-back.ts';
import { AttemptSpan, type AttemptSpanDeps } from '../../tracing/attempt-span.ts';
import { isTracing } from '../../tracing/trace-context.ts';
import { CancelRequests, type CancelRequestsDeps } from './cancel-requests.ts';
import { CrashIsolation, suspectedFirst } from './crash-isolation.ts';
import type { Deadlines } from './deadlines.ts';
import type { Handlers, PreparedHandler } from './handlers.ts';
import type { MissingHandlers } from './missing-handlers.ts';
import type { NoteKeeper } from './note-keeper.ts';
import type { AttemptEnd } from './outcome.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { reportFinished, reportLeaseLost, reportLost, reportStarted, type ReportDeps } from './report.ts';

export interface RunnerDeps extends AttemptDeps, ReportDeps {
  readonly inspect: CancelRequestsDeps['inspect'] & AttemptSpanDeps['inspect'];
  readonly runtime: Runtime;
  readonly consume: Pick<Consume, 'keepResults' | 'markAlone'>;
  readonly notes: NoteKeeper;
  readonly slots: TaskSlots;
  readonly handlers: Handlers;
  readonly missing: MissingHandlers;
  /** Undefined = each task starts. */
  readonly admission: Admission | undefined;
  readonly deadlines: Deadlines;
  readonly exchanges: Pick<ExchangeLoop, 'finish' | 'exchangeSoon' | 'wake' | 'waitUntilDrained'>;
}

const hasExpired = ({ deadlineMs }: LeasedTask, { clock }: Runtime): boolean =>
  deadlineMs > 0 && deadlineMs <= clock.wallMs();

/** What an attempt's span says of its failure; undefined = it has not failed. */
function errorTypeOf(end: AttemptEnd): string | undefined {
  if (end === 'lost') return 'lease-lost';
  return isGivenBack(end) ? undefined : end.record.error?.class;
}

/** Whether the task is still there when this end has been handed in. */
const isKept = (end: AttemptEnd): boolean =>
  end !== 'lost' && end.outcome !== 'revoked' && !(end.outcome === 'succeeded' && end.task.retentionMs <= 0);

/** Runs the attempts of the tasks that were taken, and hands in how they ended. */
export class Runner {
  readonly #deps: RunnerDeps;
  readonly #isolation: CrashIsolation;
  readonly #cancelRequests: CancelRequests;
  /** The last running attempt has ended. */
  readonly #idle = new Changed();

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    const { slots, exchanges, runtime, inspect } = deps;
    this.#cancelRequests = new CancelRequests({
      inspect,
      runtime,
      held: () => slots.all(),
      giveBack: (held) => this.#giveBack(held),
    });
    this.#isolation = new CrashIsolation({
      clock: runtime.clock,
      running: () => slots.running,
      mark: (held, isAlone) => this.#mark(held, isAlone),
      start: (held) => this.#start(held),
      giveBack: (held) => this.#giveBack(held),
      drained: () => exchanges.waitUntilDrained(),
      onDone: () => exchanges.wake(),
    });
  }

  /** Whether a suspected task must run alone now: no other may be taken. */
  get isIsolating(): boolean {
    return this.#isolation.isBusy;
  }

  /** Resolves when no attempt runs. */
  waitUntilIdle(): Promise<void> {
    return this.#idle.until(() => this.#deps.slots.running === 0);
  }

  /**
   * Starts new tasks. Tracks all leases before the first handler runs: it may block the event loop for longer than a lease
   * lasts. `sinceMs`: start of the call that took them, monotonic.
   */
  startAll(tasks: readonly LeasedTask[], sinceMs: number): void {
    const { slots } = this.#deps;
    const arrived = suspectedFirst(tasks).map((task) => slots.add(task, sinceMs));
    this.#cancelRequests.onArrived(arrived);
    for (const held of arrived) {
      // A handler that has just started may have stopped the worker, and what still waited was given back.
      if (!held.isWaiting || this.#giveToOthers(held)) continue;
      if (!this.#isolation.intercept(held) && !this.#refuse(held)) this.#start(held);
    }
  }

  /**
   * Gives a task back for which this worker has no handler. One whose deadline has passed ends here: no handler may run it. With the
   * profile `asynq` the others fail here, too.
   */
  #giveToOthers(held: HeldTask): boolean {
    const { handlers, missing, runtime } = this.#deps;
    if (handlers.find(held.task.type) || hasExpired(held.task, runtime)) return false;
    const givenBack = missing.meet(held.task);
    if (givenBack) this.#giveBack(held, givenBack);
    return givenBack !== null;
  }

  /** Gives a task back that may not start now. One whose deadline has passed ends here. */
  #refuse(held: HeldTask): boolean {
    const { admission, runtime } = this.#deps;
    if (!admission || hasExpired(held.task, runtime)) return false;
    const postponed = admission.judge(held.task);
    if (!postponed) return false;
    this.#giveBack(held, deferred(held.task, postponed, runtime.clock.wallMs()));
    return true;
  }

  #start(held: HeldTask): void {
    const { slots, handlers, admission, deadlines, runtime } = this.#deps;
    const { task } = held;
    const attempt = new Attempt(task, this.#deps);
    const endsMs = attempt.sinceMs + attempt.deadlineMs - attempt.startedMs;
    if (!slots.start(held, attempt, endsMs)) return reportLeaseLost(runtime, held);
    admission?.onStarted(task);
    if (held.isCancelled) attempt.abort('cancelled');
    reportStarted(runtime, task, attempt.startedMs);
    const handler = handlers.find(task.type);
    const end = isTracing() ? this.#runInSpan(attempt, handler) : attempt.run(handler);
    // A handler that returned synchronously needs no deadline.
    if (!(end instanceof Promise)) return this.#afterNotes(held, end);
    deadlines.watch(endsMs);
    void end.then((later) => this.#afterNotes(held, later));
  }

  #runInSpan(attempt: Attempt, handler: PreparedHandler | undefined): AttemptEnd | Promise<AttemptEnd> {
    const { inspect, worker, runtime } = this.#deps;
    const { clock } = runtime;
    const span = new AttemptSpan(attempt.task, { inspect, worker, clock, startedMs: attempt.startedMs });
    attempt.traceparent = span.traceparent;
    const ended = (end: AttemptEnd) => {
      span.end(errorTypeOf(end));
      return end;
    };
    const end = span.run(() => attempt.run(handler));
    return end instanceof Promise ? end.then(ended) : ended(end);
  }

  /** Has the last notes of an attempt written first, because only a running one may write. */
  #afterNotes(held: HeldTask, end: AttemptEnd): void {
    const { notes } = this.#deps;
    const { task } = held;
    if (!notes.has(task)) return this.#end(held, end);
    if (isKept(end)) return void notes.flush(task).then(() => this.#end(held, end));
    notes.forget(task);
    this.#end(held, end);
  }

  #end(held: HeldTask, end: AttemptEnd): void {
    const { slots, admission, exchanges } = this.#deps;
    admission?.onEnded(held.task);
    slots.end(held, end === 'lost' ? undefined : end);
    this.#isolation.onEnded(held);
    if (end === 'lost') this.#onLost(held);
    else exchanges.finish(held);
    if (slots.running === 0) this.#idle.notify();
  }

  /** The broker has answered the finish. */
  onAnswered(held: HeldTask, outcome: FinishOutcome): void {
    const { slots } = this.#deps;
    const { finish, thrown } = held;
    slots.release(held);
    if (held.isUnstarted || !finish) return;
    if (outcome === 'lease-lost') {
      held.lossCause = 'refused';
      this.#onLost(held);
    } else reportFinished(this.#deps, { finish, thrown }, outcome);
  }

  /** The lease is lost. Ends the attempt, or the wait to start alone; a finish that was handed in will be refused. */
  onLeaseLost(held: HeldTask): void {
    if (held.attempt) return held.attempt.abort('lease-lost');
    if (held.finish) return;
    this.#deps.slots.drop();
    this.#onLost(held);
  }

  #onLost(held: HeldTask): void {
    reportLost(this.#deps.runtime, held);
    this.#deps.exchanges.exchangeSoon();
  }

  /** A cancellation was published for tasks with this stored ID, in any queue. */
  cancel(id: string): void {
    this.#cancelRequests.hear(id);
  }

  #giveBack(held: HeldTask, finish?: GivenBack): void {
    held.isUnstarted = true;
    this.#deps.slots.giveBack(held, finish);
    this.#deps.exchanges.finish(held);
  }

  async #mark({ task }: HeldTask, isAlone: boolean): Promise<boolean> {
    const { consume, runtime } = this.#deps;
    try {
      await consume.markAlone(task, isAlone);
      return true;
    } catch (error) {
      runtime.log.warn(
        { err: error, task: task.id, isAlone },
        'it could not be recorded that a task runs alone',
      );
      return false;
    }
  }

  /** Gives back the tasks that have not started: the one that waits to start alone, and those after a handler that stops. */
  giveBackWaiting(): void {
    for (const held of this.#deps.slots.all()) if (held.isWaiting) this.#giveBack(held);
  }

  /** Gives back the tasks of running attempts. */
  abortAll(): void {
    for (const { attempt } of this.#deps.slots.all()) attempt?.abort('shutdown');
  }
}
