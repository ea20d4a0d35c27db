import type { Duration } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { ServerStatus } from '../broker/presence.ts';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { checkBroker, func, lengthOfTime, oneOf } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { recordAttempts, type Recording } from '../history/recorder.ts';
import { Events } from '../runtime/events.ts';
import { runtimeOn, type Runtime } from '../runtime/runtime.ts';
import { unlessAborted, within } from '../runtime/within.ts';
import type { TaskDefinition } from '../task/define-task.ts';
import { createBackground, type Background } from './background.ts';
import { queueOrder, type OrderKind, type QueueOrder, type WorkerQueues } from './fetch/queue-order.ts';
import { checkSetUp, warnOfUnserved } from './check-set-up.ts';
import { createHeartbeat, type Heartbeat } from './heartbeat.ts';
import { newIdentity } from '../runtime/identity.ts';
import { workerSettings, type WorkerOptions } from './options.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { attemptRules } from './run/attempt-rules.ts';
import { Handlers, type Handler, type Middleware } from './run/handlers.ts';
import { withMiddleware } from './run/middleware.ts';
import { WORKER_EVENTS, type WorkerEvents } from './worker-events.ts';

/** How long `stop` then waits for the broker to take the last outcomes. */
const HAND_IN_MS = 5_000;

export interface StopOptions {
  /** How long running attempts may take to end. Default: the worker's `shutdownTimeout`. */
  readonly timeout?: Duration;
}

const eventName = oneOf(WORKER_EVENTS);
const checkStopOptions = createOptionsCheck<StopOptions>('stop', { timeout: lengthOfTime });

/**
 * Takes tasks from a broker and runs their handlers. `pipeline.ts` tells the way of a task.
 */
export class Worker {
  /** Identifies this worker in attempt records and at the broker: `host:pid:random`. */
  readonly name: string;
  readonly #broker: Broker;
  readonly #lifetime: Broker['lifetime'];
  readonly #runtime: Runtime;
  readonly #handlers = new Handlers();
  readonly #middleware: Middleware[] = [];
  readonly #listeners: Events<WorkerEvents>;
  readonly #pipeline: Pipeline;
  readonly #heartbeat: Heartbeat;
  readonly #background: Background;
  readonly #shutdownTimeoutMs: number;
  readonly #orderKind: OrderKind | undefined;
  #order: QueueOrder;
  #recording: Recording | undefined;
  #status: ServerStatus = 'new';
  #stopping: Promise<void> | undefined;
  #markStopped = () => {};
  readonly #stopped = new Promise<void>((resolve) => (this.#markStopped = resolve));
  /** Aborts when running attempts have ended, or have had their time for that. */
  readonly #timeIsUp = new AbortController();

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: WorkerOptions = {}) {
    checkBroker(broker, 'consume', 'maintain', 'signals', 'presence');
    const settings = workerSettings(options);
    this.#broker = broker;
    this.#lifetime = broker.lifetime;
    const runtime = (this.#runtime = runtimeOn(broker, options.runtime));
    this.#listeners = new Events((err, event) =>
      runtime.log.error({ err, event, worker: this.name }, 'a listener of a worker failed'),
    );
    const identity = newIdentity(runtime);
    this.name = identity.name;
    this.#orderKind = options.order;
    this.#order = settings.order;
    this.#shutdownTimeoutMs = settings.shutdownTimeoutMs;
    const order = () => this.#order;
    this.#pipeline = createPipeline({
      broker,
      runtime,
      worker: this.name,
      settings,
      rules: attemptRules(options, runtime.log),
      handlers: this.#handlers,
      listeners: this.#listeners,
      order,
    });
    const { slots, demand, exchanges } = this.#pipeline;
    const { concurrency } = settings;
    const status = () => this.#status;
    const held = () => slots.all();
    this.#heartbeat = createHeartbeat({
      presence: broker.presence,
      runtime,
      identity,
      concurrency,
      order,
      status,
      held,
    });
    const queues = () => this.#order.names;
    this.#background = createBackground(options, { broker, runtime, demand, exchanges, queues });
  }

  /** Number of running attempts. */
  get running(): number {
    return this.#pipeline.slots.running;
  }

  /**
   * Registers the handler of a type, or of all types with a prefix: `'email:*'`. The longest prefix wins; `'*'` takes all
   * other types. A task of a type that has none is given back for another worker, without using up an attempt; with the profile `asynq` it
   * fails.
   *
   * @throws TaskCenterError `invalid-value`; `worker-misused` after `start`, or if the type has a handler already
   */
  handle<Payload = unknown, Returned = unknown>(
    task: string | TaskDefinition<unknown, Payload, Returned>,
    handler: Handler<Payload, Returned>,
  ): this {
    this.#checkNew('handle', 'handler');
    this.#handlers.add(task, handler);
    return this;
  }

  /**
   * Runs a function around all handlers, for what concerns every type: traces, times, transactions. The first one is outermost.
   *
   * @throws TaskCenterError `invalid-value`; `worker-misused` after `start`
   */
  use(middleware: Middleware): this {
    this.#checkNew('use', 'middleware');
    func(middleware, 'middleware');
    this.#middleware.push(middleware);
    return this;
  }

  /**
   * Calls the listener for each end of an attempt here, once the broker has accepted it. A listener that throws or rejects is logged.
   * Returns a function that removes it.
   *
   * @throws TaskCenterError `invalid-value`
   */
  on<N extends keyof WorkerEvents>(name: N, listener: (event: WorkerEvents[N]) => unknown): () => void {
    eventName(name, 'event');
    func(listener, 'listener');
    return this.#listeners.on(name, listener);
  }

  #checkNew(method: string, what: string): void {
    if (this.#status === 'new') return;
    throw new TaskCenterError('worker-misused', {
      cause: `${method}() was called after start()`,
      fix: `Register every ${what} before start().`,
    });
  }

  /**
   * Takes tasks from these queues from now on; from none if there are none. Running attempts go on.
   *
   * @throws TaskCenterError `invalid-value`
   */
  setQueues(queues: WorkerQueues): void {
    const before = this.#order;
    this.#order = queueOrder(queues, this.#orderKind);
    const setUp = { handlers: this.#handlers, order: this.#order };
    if (this.#status !== 'new') warnOfUnserved(setUp, this.#runtime.log, before);
    this.#pipeline.exchanges.wake();
    this.#background.wake();
    this.#heartbeat.announceNow();
  }

  /**
   * Begins to take tasks. Where it handles a definition whose queue it does not serve, it logs a warning.
   *
   * @throws TaskCenterError `worker-misused`: it was started or stopped before, it has no handlers or no queues, or all that it
   *   handles are definitions that name other queues; `broker-closed`
   */
  async start(): Promise<void> {
    if (this.#status !== 'new') {
      const cause = this.#stopping ? 'it has been stopped' : 'it was started before';
      throw new TaskCenterError('worker-misused', {
        cause,
        fix: 'Start a worker once. After stop(), create a new one.',
      });
    }
    checkSetUp({ handlers: this.#handlers, order: this.#order }, this.#runtime.log);
    this.#lifetime.add(this);
    const layers = this.#middleware;
    this.#handlers.seal((handler) => (layers.length === 0 ? handler : withMiddleware(handler, layers)));
    this.#status = 'active';
    this.#recording = recordAttempts(this.#broker, this.#runtime);
    this.#background.start();
    this.#pipeline.start();
    this.#heartbeat.start();
  }

  /** Takes no more tasks. Running attempts go on, and so do the loops of maintenance. */
  stopTaking(): void {
    this.#pipeline.exchanges.stopTaking();
    if (this.#status !== 'active') return;
    this.#status = 'stopped';
    this.#heartbeat.announceNow();
  }

  /**
   * Takes no more tasks, waits for running attempts, and gives back the tasks of those that do not end in time. Such a task
   * runs again at once on another worker, and the attempt does not count. May be called again, to shorten their time. A
   * handler must not wait for it: the stop waits for the handler. It may call it without `await`. A worker that is stopped
   * before its start never starts. Closing the broker calls it, too.
   *
   * @throws TaskCenterError `invalid-value`: then it goes on
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { timeout = this.#shutdownTimeoutMs } = checkStopOptions(options);
    const timeoutMs = durationMs(timeout, 'timeout');
    // Nothing runs that could take time.
    if (this.#status === 'new') this.#timeIsUp.abort();
    this.#stopping ??= (this.#status === 'new' ? Promise.resolve() : this.#shutDown()).finally(() => {
      this.#lifetime.delete(this);
      this.#markStopped();
    });
    this.#status = 'closed';
    const { signal } = this.#timeIsUp;
    void this.#runtime.clock.sleep(timeoutMs, signal).then(() => this.#timeIsUp.abort());
    await this.#stopping;
  }

  /** Resolves when it has stopped, by a call of `stop` or by the end of the broker. */
  whenStopped(): Promise<void> {
    return this.#stopped;
  }

  async #shutDown(): Promise<void> {
    const { exchanges, runner } = this.#pipeline;
    const { clock } = this.#runtime;
    exchanges.stopTaking();
    runner.giveBackWaiting();
    this.#heartbeat.announceNow();
    const { aggregated, stopped } = this.#background.stop();
    await unlessAborted(Promise.all([runner.waitUntilIdle(), aggregated]), this.#timeIsUp.signal);
    this.#timeIsUp.abort();
    runner.abortAll();
    this.#background.abort();
    const drained = runner.waitUntilIdle().then(() => exchanges.waitUntilDrained());
    await within(clock, HAND_IN_MS, () => Promise.all([aggregated, drained]));
    await Promise.all([this.#pipeline.end(), this.#heartbeat.stop(), stopped, this.#recording?.stop()]);
  }
}
