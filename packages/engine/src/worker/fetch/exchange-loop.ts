import type { Consume, ExchangeOutcome, Finish, FinishOutcome, LeasedTask } from '../../broker/consume.ts';
import type { Signals } from '../../broker/signals.ts';
import { reportQuarantined } from '../../loops/report-quarantined.ts';
import { Changed } from '../../runtime/changed.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { unstartedTask, type HeldTask } from '../held-task.ts';
import { CallsUnderWay, type PendingExchange } from './calls-under-way.ts';
import { MAX_IN_FLIGHT, type Demand } from './demand.ts';
import { Idle } from './idle.ts';
import { createIntake } from './intake.ts';
import type { QueueOrder } from './queue-order.ts';

/** Wait after a failed exchange. */
const FAILURE_MS = 1_000;
/**
 * A worker with free slots and no fetch that ended for this time hangs. The watchdog has made it fetch anew after 2.5 s, which has
 * not helped; or the broker is out of reach, which health checks name beside it.
 */
const MAX_FETCH_MS = 30_000;

export interface ExchangeLoopDeps {
  readonly broker: { readonly consume: Consume; readonly signals: Signals };
  readonly runtime: Runtime;
  readonly demand: Demand;
  /** The worker's name. */
  readonly worker: string;
  /** Length of the leases, ms. */
  readonly leaseMs: number;
  /** The current queues to take tasks from. */
  order(): QueueOrder;
  /** Types to leave to other workers for now. */
  leave(): readonly string[];
  /** Called with new tasks. `sinceMs`: start of the call that took their leases, monotonic. */
  onTasks(tasks: readonly LeasedTask[], sinceMs: number): void;
  /** Called when a fetch has brought this number of tasks. */
  onFetched?(count: number): void;
  /** Called when the broker has answered a finish. */
  onAnswered(held: HeldTask, outcome: FinishOutcome): void;
}

/**
 * Exchanges finished attempts for new tasks, in as few calls as possible. An exchange goes out as soon as there is
 * something to hand in or a slot is free. When a fetch has found nothing, the loop waits for a wake-up or the poll.
 */
export class ExchangeLoop {
  readonly #deps: ExchangeLoopDeps;
  readonly #calls: CallsUnderWay;
  readonly #callEnded = new Changed();
  readonly #idle: Idle;
  readonly #startTasks: ReturnType<typeof createIntake>;
  readonly #hardStop = new AbortController();
  /** Tasks whose finish no call has taken yet. */
  #ended: HeldTask[] = [];
  /** Whether an exchange is scheduled in this turn of the event loop. */
  #scheduled = false;

  constructor(deps: ExchangeLoopDeps) {
    const { broker, runtime, demand, leaseMs, order, onTasks } = deps;
    const { signal } = this.#hardStop;
    this.#deps = deps;
    this.#calls = new CallsUnderWay(demand);
    this.#idle = new Idle({
      signals: broker.signals,
      runtime,
      signal,
      order,
      onOver: () => this.#fetchAgain(),
    });
    // A call may bring tasks after `stopTaking`.
    const start: typeof onTasks = (tasks, sinceMs) =>
      demand.isTaking ? onTasks(tasks, sinceMs) : this.#giveBack(tasks);
    this.#startTasks = createIntake({ consume: broker.consume, runtime, leaseMs, start });
  }

  /** Begins to take tasks. */
  start(): void {
    const { runtime, demand } = this.#deps;
    demand.start();
    const fetching = { name: 'fetch', maxStepMs: MAX_FETCH_MS, stepMs: () => demand.stuckForMs() };
    const unwatch = runtime.loops?.add(fetching);
    this.#hardStop.signal.addEventListener('abort', () => unwatch?.(), { once: true });
    this.exchangeSoon();
  }

  /** Takes no more tasks. Finishes are still handed in. */
  stopTaking(): void {
    this.#deps.demand.stop();
    this.#idle.wake();
  }

  /** Fetches at once, because queues have changed or tasks may be taken again. */
  wake(): void {
    this.#idle.wake();
    this.#fetchAgain();
  }

  /** Does not wait for the calls under way any more, and fetches anew. Returns the number of such calls. */
  revive(): number {
    const abandoned = this.#calls.abandonAll();
    this.#deps.demand.onFetched();
    this.#idle.abandon();
    this.#fetchAgain();
    return abandoned;
  }

  /** Hands in the task's finish. Its slot is free from now on. */
  finish(held: HeldTask): void {
    this.#ended.push(held);
    this.exchangeSoon();
  }

  /** Resolves when everything is handed in and no call is under way. */
  waitUntilDrained(): Promise<void> {
    return this.#callEnded.until(() => this.#ended.length === 0 && this.#calls.isEmpty);
  }

  /** Gives up the calls under way. Tasks whose finish was not handed in are recovered when their lease expires. */
  giveUp(): void {
    this.#hardStop.abort();
    this.#ended = [];
  }

  /**
   * Sends an exchange if there is something to hand in, or a slot is free. Calls of one turn of the event loop are combined
   * into one exchange.
   */
  exchangeSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#canExchange()) return;
      void this.#exchange();
      // A second call goes out one turn later, when the first was written. Calls that arrive together are answered
      // together, and then the broker and this process wait for each other.
      if (this.#canExchange()) setImmediate(() => this.exchangeSoon());
    });
  }

  #canExchange(): boolean {
    if (this.#calls.size >= MAX_IN_FLIGHT || this.#hardStop.signal.aborted) return false;
    return this.#ended.length > 0 || this.#deps.demand.room > 0;
  }

  async #exchange(): Promise<void> {
    const { broker, runtime, demand, worker, order, leave, leaseMs } = this.#deps;
    const room = Math.max(0, demand.room);
    const ended = this.#ended.splice(0, demand.maxPerCall);
    const call = this.#calls.begin({ room, ended, sinceMs: runtime.clock.monotonicMs() });
    try {
      const from = room > 0 ? order().next(room, runtime.random) : { queues: [] };
      const finishes = ended.map(({ finish }) => finish as Finish);
      const exchange = { finishes, ...from, room, leaseMs, worker, leave: leave() };
      const outcome = await broker.consume.exchange(exchange, { signal: this.#hardStop.signal });
      const started = this.#onAnswer(call, outcome);
      // The room stays reserved until the new tasks run.
      if (started) await started;
    } catch (error) {
      this.#calls.writeOff(call);
      // A task that was answered before the error has no finish left to hand in.
      await this.#retryLater(
        ended.filter(({ finish }) => finish !== undefined),
        error,
      );
    }
    if (room > 0) demand.onFetched();
    this.#calls.end(call);
    this.#callEnded.notify();
    this.exchangeSoon();
  }

  /** Passes the answer on. Undefined = the new tasks run already; otherwise resolves when they do. */
  #onAnswer(
    call: PendingExchange,
    { finished, tasks, quarantined, hasLeft }: ExchangeOutcome,
  ): Promise<void> | undefined {
    const { runtime, demand, onAnswered } = this.#deps;
    const { room } = call;
    call.ended.forEach((held, i) => onAnswered(held, finished[i] as FinishOutcome));
    if (call.isWrittenOff) {
      this.#giveBack(tasks);
      return undefined;
    }
    for (const { queue, ids } of quarantined) reportQuarantined(runtime, queue, ids);
    if (room > 0) this.#deps.onFetched?.(tasks.length);
    if (room > 0) this.#idle.onFetched({ tasks, hasLeft, room, slots: demand.freeSlots - tasks.length });
    if (tasks.length > 0) {
      demand.mayFindWork = true;
      return this.#startTasks(tasks, call.sinceMs);
    }
    if (room > 0 && quarantined.length === 0) {
      demand.mayFindWork = false;
      if (demand.isTaking) void (hasLeft ? this.#idle.rest() : this.#idle.wait());
    }
    return undefined;
  }

  #fetchAgain(): void {
    this.#deps.demand.mayFindWork = true;
    this.exchangeSoon();
  }

  /** Keeps the finishes of a failed exchange for the next one, after a pause. */
  async #retryLater(ended: readonly HeldTask[], error: unknown): Promise<void> {
    const { log, clock } = this.#deps.runtime;
    if (this.#hardStop.signal.aborted) return;
    log.error({ err: error, finishes: ended.length }, 'an exchange with the broker failed; trying again');
    await clock.sleep(FAILURE_MS, this.#hardStop.signal);
    this.#ended.unshift(...ended);
  }

  #giveBack(tasks: readonly LeasedTask[]): void {
    for (const task of tasks) this.finish(unstartedTask(task));
  }
}
