import type { Broker } from '../broker/broker.ts';
import type { Finish, FinishOutcome, LeasedTask } from '../broker/consume.ts';
import type { ServerStatus } from '../broker/presence.ts';
import type { Signals } from '../broker/signals.ts';
import { createPrepareTask } from '../client/prepare-task.ts';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import type { LeaseSettings } from '../broker/lease-renewal.ts';
import { ASYNQ_LEASE_MS, LEASE_MS } from '../leases/lease-times.ts';
import { createMaintenance, type Maintenance } from '../loops/maintenance.ts';
import { Changed } from '../runtime/changed.ts';
import type { Loop } from '../runtime/loop.ts';
import type { AttemptOutcome } from '../runtime/events.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { within } from '../runtime/within.ts';
import type { TaskDefinition } from '../task/define-task.ts';
import { createAggregator, type Aggregator } from './aggregate/aggregator.ts';
import type { AggregationOptions } from './aggregate/rules.ts';
import { createHeartbeat, type Heartbeat } from './heartbeat.ts';
import { attemptRules, type FailureOptions, type WorkerProfile } from './run/attempt-rules.ts';
import { Attempt, type AttemptDeps } from './run/attempt.ts';
import type { AttemptEnd } from './run/outcome.ts';
import { createDeadlines, type Deadlines } from './run/deadlines.ts';
import { createHealthCheck, type HealthCheck } from './health-check.ts';
import { Handlers, type Handler } from './run/handlers.ts';
import { newIdentity } from './identity.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { queueOrder, type OrderKind, type QueueOrder, type WorkerQueues } from './fetch/queue-order.ts';
import { CrashIsolation, suspectedFirst } from './run/crash-isolation.ts';
import { ExchangeLoop } from './fetch/exchange-loop.ts';
import { createWatchdog } from './fetch/watchdog.ts';

// One task through a worker:
//
// 1. ExchangeLoop takes it from the broker with a lease, in the same call that hands in what ended before.
// 2. LeaseKeeper tracks the lease: the renewer thread renews it from now on, even while a handler blocks the event loop.
// 3. CrashIsolation holds it back if it is suspected of killing its process; otherwise it starts at once.
// 4. Attempt runs its handler. Deadlines ends the attempt at its time limit, and a cancellation, a lost lease or the
//    worker's stop ends it earlier: the handler's signal aborts, and the attempt does not wait for the handler.
// 5. Attempt decides the outcome, a Finish: succeeded, retry, archive, revoked or requeue. With its lease lost there is none.
// 6. ExchangeLoop hands the Finish in with its next call, and asks for a new task for the free slot.
// 7. Only when the broker has answered is the lease released, and `attempt.finished` emitted.
//
// Beside that, Heartbeat announces the worker, the maintenance loops keep its queues in order, and Watchdog makes
// ExchangeLoop fetch again when its calls hang.

export interface WorkerOptions extends FailureOptions {
  /** Queues to take tasks from. Default `['default']`. */
  readonly queues?: WorkerQueues;
  /** How queues take turns. Default `strict` for a list, `weighted` for priorities. */
  readonly order?: OrderKind;
  /** Length of the leases, 2,000 to 600,000 ms. Default 6,000. A dead worker's task waits until its lease expires. */
  readonly leaseMs?: number;
  /**
   * How long a handler may block the event loop before this worker's tasks are given to other workers, 2,000 to 600,000 ms.
   * Default 30,000.
   */
  readonly maxStallMs?: number;
  /**
   * Whether the process is then killed with SIGKILL as well, for a supervisor to start it again. Default false, because a
   * library must not kill its host unasked.
   */
  readonly failStop?: boolean;
  /** Which rules hold where ours and Asynq's differ. Default: ours. */
  readonly profile?: WorkerProfile;
  /** Most attempts at once, 1 to 10,000. Default 10. */
  readonly concurrency?: number;
  /** Whether this worker also runs the loops of maintenance for its queues (due tasks, lost leases, expired data). Default true. */
  readonly maintenance?: boolean;
  /** How long `stop` waits for running attempts before it gives their tasks back, ms. Default 8,000, as in Asynq. */
  readonly shutdownTimeoutMs?: number;
  /** Makes one task of the tasks of a group. Default: this worker does not aggregate. */
  readonly aggregation?: AggregationOptions;
  /** Checks now and then whether the broker answers. Default: no check. */
  readonly healthCheck?: HealthCheck;
  /** Clock, log, events and the like. Default: the real ones, and no log. */
  readonly runtime?: Partial<Runtime>;
}

const MAX_CONCURRENCY = 10_000;
/** Bounds of `leaseMs` and `maxStallMs`. */
const MIN_LEASE_MS = 2_000;
const MAX_LEASE_MS = 600_000;
const DEFAULT_MAX_STALL_MS = 30_000;
/** Largest payload of a task that was made of many, bytes. It may be larger than that of other tasks. */
const MAX_AGGREGATE_BYTES = 4_194_304;
/** How long `stop` then waits for the broker to take the last outcomes. */
const HAND_IN_MS = 5_000;

function checkConcurrency(concurrency: number): number {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY) return concurrency;
  const expected = `a whole number from 1 to ${MAX_CONCURRENCY}`;
  throw new TaskCenterError('invalid-value', { name: 'concurrency', got: shown(concurrency), expected });
}

function checkMs(name: string, ms: number): number {
  if (Number.isInteger(ms) && ms >= MIN_LEASE_MS && ms <= MAX_LEASE_MS) return ms;
  const expected = `a whole number from ${MIN_LEASE_MS} to ${MAX_LEASE_MS}`;
  throw new TaskCenterError('invalid-value', { name, got: shown(ms), expected });
}

function leaseSettings({ leaseMs, profile, maxStallMs, failStop }: WorkerOptions): LeaseSettings {
  const defaultLeaseMs = profile === 'asynq' ? ASYNQ_LEASE_MS : LEASE_MS;
  return {
    leaseMs: checkMs('leaseMs', leaseMs ?? defaultLeaseMs),
    maxStallMs: checkMs('maxStallMs', maxStallMs ?? DEFAULT_MAX_STALL_MS),
    failStop: failStop ?? false,
  };
}

/** The outcome in events, by that of a finish. */
const OUTCOME = {
  succeeded: 'succeeded',
  retry: 'failed',
  archive: 'archived',
  revoked: 'revoked',
  requeue: 'deferred',
} as const;

/** Takes tasks from a broker and runs their handlers. */
export class Worker {
  /** Identifies this worker in attempt records and at the broker: `host:pid:random`. */
  readonly name: string;
  readonly #runtime: Runtime;
  readonly #shutdownTimeoutMs: number;
  readonly #handlers = new Handlers();
  readonly #attempts = new Map<LeasedTask, Attempt>();
  /** Tasks that were cancelled before they started. */
  readonly #cancelledEarly = new WeakSet<LeasedTask>();
  readonly #attemptDeps: AttemptDeps;
  readonly #exchanges: ExchangeLoop;
  readonly #watchdog: Loop;
  readonly #leaseKeeper: LeaseKeeper;
  readonly #crashIsolation: CrashIsolation;
  readonly #deadlines: Deadlines<LeasedTask>;
  readonly #maintenance: Maintenance | undefined;
  readonly #aggregator: Aggregator | undefined;
  readonly #health: Loop | undefined;
  readonly #heartbeat: Heartbeat;
  readonly #signals: Signals;
  readonly #listening = new AbortController();
  /** An attempt has ended, and no other one runs. */
  readonly #ended = new Changed();
  readonly #orderKind: OrderKind | undefined;
  #order: QueueOrder;
  #status: ServerStatus = 'new';
  #stopping: Promise<void> | undefined;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: WorkerOptions = {}) {
    const runtime = (this.#runtime = createRuntime(options.runtime));
    const identity = newIdentity(runtime);
    this.name = identity.name;
    const rules = attemptRules(options, runtime.log);
    this.#attemptDeps = { consume: broker.consume, runtime, worker: this.name, rules };
    this.#orderKind = options.order;
    this.#order = queueOrder(options.queues ?? ['default'], options.order);
    const settings = leaseSettings(options);
    const concurrency = checkConcurrency(options.concurrency ?? 10);
    this.#shutdownTimeoutMs = options.shutdownTimeoutMs ?? 8_000;
    this.#leaseKeeper = new LeaseKeeper({
      broker,
      runtime,
      settings,
      concurrency,
      onLost: (task) => this.#onLeaseLost(task),
      onCaughtUp: () => this.#exchanges.wake(),
    });
    this.#crashIsolation = this.#createCrashIsolation();
    this.#deadlines = createDeadlines('attempt-deadlines', runtime, (task) =>
      this.#attempts.get(task)?.expire(),
    );
    this.#heartbeat = createHeartbeat({
      presence: broker.presence,
      runtime,
      identity,
      concurrency,
      order: () => this.#order,
      status: () => this.#status,
      attempts: () => this.#attempts.values(),
    });
    this.#signals = broker.signals;
    this.#exchanges = new ExchangeLoop({
      broker,
      runtime,
      worker: this.name,
      concurrency,
      leaseMs: settings.leaseMs,
      order: () => this.#order,
      running: () => this.#attempts.size + (this.#crashIsolation.waiting ? 1 : 0),
      mayTake: () => this.#leaseKeeper.keepsUp && !this.#crashIsolation.isBusy,
      onTasks: (tasks, sinceMs) => this.#startTasks(tasks, sinceMs),
      onFinished: (finish, outcome) => this.#onFinished(finish, outcome),
      onGivenBack: (task) => this.#leaseKeeper.release(task),
    });
    this.#watchdog = createWatchdog({ broker, runtime, exchanges: this.#exchanges });
    const queues = () => this.#order.names;
    this.#maintenance =
      (options.maintenance ?? true) ? createMaintenance({ broker, queues, runtime }) : undefined;
    const { aggregation, profile } = options;
    const prepare = createPrepareTask({
      runtime,
      maxPayloadBytes: MAX_AGGREGATE_BYTES,
      ...(profile === 'asynq' && { profile }),
    });
    this.#aggregator = aggregation && createAggregator(aggregation, { broker, runtime, prepare, queues });
    this.#health = options.healthCheck && createHealthCheck(broker, options.healthCheck, runtime);
  }

  #createCrashIsolation(): CrashIsolation {
    return new CrashIsolation({
      clock: this.#runtime.clock,
      running: () => this.#attempts.size,
      start: (task) => this.#run(task),
      giveBack: (task) => this.#exchanges.giveBack(task),
      drained: () => this.#exchanges.waitUntilDrained(),
      onDone: () => this.#exchanges.wake(),
    });
  }

  /** Number of running attempts. */
  get running(): number {
    return this.#attempts.size;
  }

  /**
   * Registers the handler of a type, or of all types with a prefix: `'email:*'`. The longest prefix wins; `'*'` takes all
   * other types.
   *
   * @throws TaskCenterError `worker-misused` after `start`, or if the type has a handler already
   */
  handle<Payload = unknown>(
    task: string | TaskDefinition<unknown, Payload>,
    handler: Handler<Payload>,
  ): this {
    if (this.#status !== 'new')
      throw new TaskCenterError('worker-misused', { cause: 'handle() was called after start()' });
    this.#handlers.add(task, handler);
    return this;
  }

  /** Takes tasks from these queues from now on. Running attempts go on. */
  setQueues(queues: WorkerQueues): void {
    this.#order = queueOrder(queues, this.#orderKind);
    this.#exchanges.wake();
    this.#maintenance?.wake();
    this.#heartbeat.announceNow();
  }

  /** Begins to take tasks. @throws TaskCenterError `worker-misused` without handlers, or if it was started before */
  start(): Promise<void> {
    if (this.#status !== 'new' || this.#handlers.size === 0) {
      const cause = this.#status === 'new' ? 'it has no handlers' : 'it was started before';
      return Promise.reject(new TaskCenterError('worker-misused', { cause }));
    }
    this.#status = 'active';
    this.#leaseKeeper.start();
    this.#deadlines.start();
    this.#maintenance?.start();
    this.#aggregator?.start();
    this.#health?.start();
    void this.#signals.onCancelled((id) => this.#cancel(id), this.#listening.signal);
    this.#exchanges.start();
    this.#watchdog.start();
    this.#heartbeat.start();
    return Promise.resolve();
  }

  /** Takes no more tasks. Running attempts go on, and so do the loops of maintenance. */
  stopTaking(): void {
    this.#exchanges.stopTaking();
    if (this.#status !== 'active') return;
    this.#status = 'stopped';
    this.#heartbeat.announceNow();
  }

  /**
   * Takes no more tasks, waits for running attempts, and gives back the tasks of those that do not end in time. Such a task
   * runs again at once on another worker, and the attempt does not count. May be called twice.
   */
  stop(): Promise<void> {
    if (this.#status === 'new') return Promise.resolve();
    this.#status = 'closed';
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  async #shutDown(): Promise<void> {
    this.#exchanges.stopTaking();
    const { waiting } = this.#crashIsolation;
    this.#crashIsolation.dropWaiting();
    if (waiting) this.#exchanges.finish({ outcome: 'requeue', task: waiting });
    this.#heartbeat.announceNow();
    const others = [this.#maintenance?.stop(), this.#health?.stop(), this.#watchdog.stop()];
    const aggregated = this.#aggregator?.stop();
    const { clock } = this.#runtime;
    const idle = () => this.#ended.until(() => this.#attempts.size === 0);
    await within(clock, this.#shutdownTimeoutMs, () => Promise.all([idle(), aggregated]));
    for (const attempt of this.#attempts.values()) attempt.abort('shutdown');
    this.#aggregator?.abort();
    const drained = idle().then(() => this.#exchanges.waitUntilDrained());
    await within(clock, HAND_IN_MS, () => Promise.all([aggregated, drained]));
    this.#listening.abort();
    this.#exchanges.giveUp();
    const heartbeat = this.#heartbeat.stop();
    await Promise.all([this.#leaseKeeper.stop(), this.#deadlines.stop(), heartbeat, ...others]);
  }

  /** Cancels every attempt with this stored ID, in any queue: Asynq's message does not name one. */
  #cancel(id: string): void {
    const { waiting } = this.#crashIsolation;
    if (waiting?.id === id) this.#cancelledEarly.add(waiting);
    for (const [task, attempt] of this.#attempts) if (task.id === id) attempt.abort('cancelled');
  }

  /** Tracks all leases before the first handler runs: it may block the event loop for longer than a lease lasts. */
  #startTasks(tasks: readonly LeasedTask[], sinceMs: number): void {
    for (const task of tasks) this.#leaseKeeper.track(task, sinceMs);
    for (const task of suspectedFirst(tasks)) if (!this.#crashIsolation.intercept(task)) this.#run(task);
  }

  #run(task: LeasedTask): void {
    const { clock, events } = this.#runtime;
    const attempt = new Attempt(task, this.#attemptDeps);
    const endsMs = clock.monotonicMs() + attempt.deadlineMs - attempt.startedMs;
    if (!this.#leaseKeeper.begin(task, endsMs)) {
      this.#leaseKeeper.release(task);
      this.#reportLeaseLost(task);
      return;
    }
    this.#attempts.set(task, attempt);
    if (this.#cancelledEarly.delete(task)) attempt.abort('cancelled');
    if (events.has('attempt.started')) {
      events.emit('attempt.started', { task, type: task.type, attempt: task.attempt });
    }
    const end = attempt.run(this.#handlers.find(task.type));
    // A handler that returned synchronously needs no deadline.
    if (!(end instanceof Promise)) return this.#endAttempt(task, end);
    this.#deadlines.set(task, endsMs);
    void end.then((later) => {
      this.#deadlines.clear(task);
      this.#endAttempt(task, later);
    });
  }

  /** Ends the attempt, or the wait to start alone, of a task whose lease is lost. */
  #onLeaseLost(task: LeasedTask): void {
    if (this.#crashIsolation.waiting !== task) return this.#attempts.get(task)?.abort('lease-lost');
    this.#crashIsolation.dropWaiting();
    this.#dropLost(task);
  }

  /** Hands in what came of an attempt. */
  #endAttempt(task: LeasedTask, end: AttemptEnd): void {
    this.#attempts.delete(task);
    this.#crashIsolation.onEnded(task);
    if (end === 'lost') this.#dropLost(task);
    else this.#exchanges.finish(end);
    if (this.#attempts.size === 0) this.#ended.notify();
  }

  /** The broker has answered. The lease is renewed until now: it must not expire during a slow answer. */
  #onFinished(finish: Finish, outcome: FinishOutcome): void {
    this.#leaseKeeper.release(finish.task);
    if (outcome === 'lease-lost') return this.#dropLost(finish.task);
    const runMs = finish.outcome === 'requeue' ? 0 : finish.record.finishedMs - finish.record.startedMs;
    this.#emitFinished(finish.task, OUTCOME[finish.outcome], runMs);
  }

  /** Reports a task whose lease is lost; nothing is handed in for it. */
  #dropLost(task: LeasedTask): void {
    this.#reportLeaseLost(task);
    this.#emitFinished(task, 'lost', 0);
    this.#exchanges.fillFreeSlots();
  }

  #reportLeaseLost(task: LeasedTask): void {
    this.#runtime.log.warn(
      { queue: task.queue, task_id: task.id, attempt: task.attempt },
      'a lease was lost; the outcome of its attempt is dropped',
    );
    this.#runtime.events.emit('lease.lost', { task });
  }

  #emitFinished(task: LeasedTask, outcome: AttemptOutcome, runMs: number): void {
    const { events } = this.#runtime;
    if (!events.has('attempt.finished')) return;
    events.emit('attempt.finished', { task, type: task.type, attempt: task.attempt, outcome, runMs });
  }
}
