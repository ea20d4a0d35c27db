import { MAX_BATCH } from '../../broker/bounds.ts';
import type { Consume, Finish, FinishOutcome, LeasedTask, ExchangeOutcome } from '../../broker/consume.ts';
import type { Signals } from '../../broker/signals.ts';
import { Changed } from '../../runtime/changed.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { within } from '../../runtime/within.ts';
import { BacklogDetector } from './backlog-detector.ts';
import { WatcherShare, type Wake } from './watcher-share.ts';
import type { QueueOrder } from './queue-order.ts';

/** Mean time until an idle worker fetches without a wake-up: wake-ups may be lost. */
const POLL_MS = 1_000;
/** Wait after a failed exchange. */
const FAILURE_MS = 1_000;
/** With two calls under way the broker and this process are busy at the same time. */
const MAX_IN_FLIGHT = 2;
/** After a call that took longer than this, its leases may be nearly over. */
const SLOW_MS = 1_000;

export interface ExchangeLoopDeps {
  readonly broker: { readonly consume: Consume; readonly signals: Signals };
  readonly runtime: Runtime;
  /** The worker's name. */
  readonly worker: string;
  /** Most attempts at once. */
  readonly concurrency: number;
  /** Length of the leases, ms. */
  readonly leaseMs: number;
  /** The current queues to take tasks from. */
  order(): QueueOrder;
  /** Attempts running now. */
  running(): number;
  /** Whether tasks may be taken now. After it has been false, call `wake` once it is true again. */
  mayTake(): boolean;
  /** Called with new tasks. `sinceMs`: start of the call that took their leases, monotonic. */
  onTasks(tasks: readonly LeasedTask[], sinceMs: number): void;
  /** Called when the broker has answered a finish. */
  onFinished(finish: Finish, outcome: FinishOutcome): void;
  /** Called when the broker has taken back a task that never started here. */
  onGivenBack(task: LeasedTask): void;
}

/** An exchange under way. */
interface PendingExchange {
  /** Slots that are reserved for the tasks that it brings. */
  readonly room: number;
  /** Number of finishes that it hands in. */
  readonly finishes: number;
  /** The worker does not wait for it any more, and gives back the tasks that it still brings. */
  writtenOff: boolean;
}

/**
 * Exchanges finished attempts for new tasks, in as few calls as possible. An exchange goes out as soon as there is
 * something to hand in or a slot is free. When a fetch has found nothing, the loop waits for a wake-up or the poll.
 */
export class ExchangeLoop {
  readonly #deps: ExchangeLoopDeps;
  readonly #hardStop = new AbortController();
  /** Most finishes and most tasks of one call. */
  readonly #maxPerCall: number;
  readonly #watcherShare: WatcherShare;
  readonly #backlog = new BacklogDetector();
  readonly #calls = new Set<PendingExchange>();
  /** Calls that were written off, but still hand something in. */
  readonly #writtenOff = new Set<PendingExchange>();
  /** Finishes that no call has taken yet. */
  #finishes: Finish[] = [];
  /** Finishes that give back tasks that never started. */
  readonly #unstarted = new Set<Finish>();
  /** Slots reserved by calls under way. */
  #reserved = 0;
  /** Whether tasks are taken: from `start` to `stopTaking`. */
  #taking = false;
  /** Whether a fetch may find something; false while waiting for a wake-up. */
  #mayFindWork = true;
  /** Whether an exchange is scheduled in this turn of the event loop. */
  #scheduled = false;
  /** Aborts the wait for a wake-up; undefined while there is none. */
  #waiting: AbortController | undefined;
  readonly #callEnded = new Changed();
  /** When a fetch ended last, or no fetch was needed; monotonic. */
  #aliveMs = 0;

  constructor(deps: ExchangeLoopDeps) {
    this.#deps = deps;
    this.#watcherShare = new WatcherShare(deps.runtime.random);
    this.#maxPerCall = Math.min(MAX_BATCH, Math.ceil(deps.concurrency / MAX_IN_FLIGHT));
  }

  /** Begins to take tasks. */
  start(): void {
    this.#taking = true;
    this.#aliveMs = this.#deps.runtime.clock.monotonicMs();
    this.#scheduleExchange();
  }

  /** Takes no more tasks. Finishes are still handed in. */
  stopTaking(): void {
    this.#taking = false;
    this.#waiting?.abort();
  }

  /** Fetches at once, because queues have changed or tasks may be taken again. */
  wake(): void {
    this.#mayFindWork = true;
    this.#waiting?.abort();
    this.#scheduleExchange();
  }

  /** How long slots have been free without a fetch that ended, ms. */
  stuckForMs(): number {
    const { runtime, concurrency, running, mayTake } = this.#deps;
    const now = runtime.clock.monotonicMs();
    const idle = this.#taking && !this.#hardStop.signal.aborted && running() < concurrency && mayTake();
    if (!idle) this.#aliveMs = now;
    return now - this.#aliveMs;
  }

  /** Writes off the calls under way, ends the wait for a wake-up, and fetches anew. Returns the number of such calls. */
  revive(): number {
    const hanging = this.#calls.size;
    for (const call of this.#calls) {
      call.writtenOff = true;
      this.#reserved -= call.room;
      if (call.finishes > 0) this.#writtenOff.add(call);
    }
    this.#calls.clear();
    this.#aliveMs = this.#deps.runtime.clock.monotonicMs();
    this.wake();
    this.#waiting = undefined;
    return hanging;
  }

  /** Hands in a finished attempt. Its slot is free from now on. */
  finish(finish: Finish): void {
    this.#finishes.push(finish);
    this.#scheduleExchange();
  }

  /** Gives back a task that never started. */
  giveBack(task: LeasedTask): void {
    const finish = { outcome: 'requeue', task } as const;
    this.#unstarted.add(finish);
    this.finish(finish);
  }

  /** Fetches for a slot that became free without anything to hand in. */
  fillFreeSlots(): void {
    this.#scheduleExchange();
  }

  /** Resolves when everything is handed in and no call is under way. */
  waitUntilDrained(): Promise<void> {
    return this.#callEnded.until(
      () => this.#finishes.length === 0 && this.#calls.size === 0 && this.#writtenOff.size === 0,
    );
  }

  /** Gives up the calls under way. Tasks whose finish was not handed in are recovered when their lease expires. */
  giveUp(): void {
    this.#hardStop.abort();
    this.#finishes = [];
  }

  /** Calls of one turn of the event loop are combined into one exchange. */
  #scheduleExchange(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#canExchange()) return;
      void this.#exchange();
      // A second call goes out one turn later, when the first was written. Calls that arrive together are answered
      // together, and then the broker and this process wait for each other.
      if (this.#canExchange()) setImmediate(() => this.#scheduleExchange());
    });
  }

  /** Slots that the next call may ask tasks for. */
  #room(): number {
    if (!this.#taking || !this.#mayFindWork || !this.#deps.mayTake()) return 0;
    return Math.min(this.#maxPerCall, this.#deps.concurrency - this.#deps.running() - this.#reserved);
  }

  #canExchange(): boolean {
    if (this.#calls.size >= MAX_IN_FLIGHT || this.#hardStop.signal.aborted) return false;
    return this.#finishes.length > 0 || this.#room() > 0;
  }

  async #exchange(): Promise<void> {
    const { broker, runtime, worker, order, leaseMs } = this.#deps;
    const room = Math.max(0, this.#room());
    const finishes = this.#finishes.splice(0, this.#maxPerCall);
    const sinceMs = runtime.clock.monotonicMs();
    const call: PendingExchange = { room, finishes: finishes.length, writtenOff: false };
    this.#calls.add(call);
    this.#reserved += room;
    try {
      const from = room > 0 ? order().next(room, runtime.random) : { queues: [] };
      const exchange = { finishes, ...from, room, leaseMs, worker };
      const outcome = await broker.consume.exchange(exchange, { signal: this.#hardStop.signal });
      finishes.forEach((finish, i) => this.#reportFinished(finish, outcome.finished[i] as FinishOutcome));
      if (call.writtenOff) outcome.tasks.forEach((task) => this.giveBack(task));
      else {
        // The room stays reserved until the new tasks run.
        const took = this.#take(outcome, room, sinceMs);
        if (took) await took;
      }
    } catch (error) {
      this.#releaseRoom(call);
      await this.#retryLater(finishes, error);
    }
    this.#end(call);
  }

  #releaseRoom(call: PendingExchange): void {
    if (!call.writtenOff) this.#reserved -= call.room;
    call.writtenOff = true;
  }

  #end(call: PendingExchange): void {
    if (call.room > 0) this.#aliveMs = this.#deps.runtime.clock.monotonicMs();
    this.#releaseRoom(call);
    this.#calls.delete(call);
    this.#writtenOff.delete(call);
    this.#callEnded.notify();
    this.#scheduleExchange();
  }

  /** Passes on the broker's answer to a finish. */
  #reportFinished(finish: Finish, outcome: FinishOutcome): void {
    if (this.#unstarted.delete(finish)) this.#deps.onGivenBack(finish.task);
    else this.#deps.onFinished(finish, outcome);
  }

  /** Starts the new tasks. Undefined = they run already; otherwise resolves when they do. Never rejects. */
  #take({ tasks, quarantined }: ExchangeOutcome, room: number, sinceMs: number): Promise<void> | undefined {
    const { runtime } = this.#deps;
    for (const { queue, ids } of quarantined) {
      runtime.log.error(
        { queue, task_ids: ids },
        'unreadable tasks were archived, or IDs without a task were dropped',
      );
      runtime.events.emit('tasks.quarantined', { queue, ids });
    }
    if (room > 0) this.#recordFetch(tasks, room);
    if (tasks.length > 0) {
      this.#mayFindWork = true;
      if (runtime.clock.monotonicMs() - sinceMs > SLOW_MS) return this.#takeSlowly(tasks);
      this.#start(tasks, sinceMs);
    } else if (room > 0 && quarantined.length === 0) {
      this.#mayFindWork = false;
      void this.#waitForWork();
    }
    return undefined;
  }

  /** Passes new tasks on. After `stopTaking` they are given back instead. */
  #start(tasks: readonly LeasedTask[], sinceMs: number): void {
    if (this.#taking) this.#deps.onTasks(tasks, sinceMs);
    else tasks.forEach((task) => this.giveBack(task));
  }

  /** After a slow call the leases may be nearly over. Renews them first, and starts the tasks that are still ours. */
  async #takeSlowly(tasks: readonly LeasedTask[]): Promise<void> {
    const { broker, runtime, leaseMs } = this.#deps;
    const sinceMs = runtime.clock.monotonicMs();
    try {
      const ours = await broker.consume.extend(tasks, leaseMs);
      this.#start(
        tasks.filter((_, i) => ours[i] === true),
        sinceMs,
      );
    } catch (error) {
      runtime.log.warn(
        { err: error, tasks: tasks.length },
        'leases of tasks taken in a slow call could not be renewed; the tasks are recovered later',
      );
    }
  }

  /** Keeps the finishes of a failed exchange for the next one, after a pause. */
  async #retryLater(finishes: readonly Finish[], error: unknown): Promise<void> {
    if (this.#hardStop.signal.aborted) return;
    this.#deps.runtime.log.error(
      { err: error, finishes: finishes.length },
      'an exchange with the broker failed; trying again',
    );
    await this.#deps.runtime.clock.sleep(FAILURE_MS, this.#hardStop.signal);
    this.#finishes.unshift(...finishes);
  }

  /** Learns from a fetch, and announces a backlog. */
  #recordFetch(tasks: readonly LeasedTask[], room: number): void {
    const { broker, runtime, running, concurrency } = this.#deps;
    this.#watcherShare.onFetched(tasks.length > 0);
    const fetch = { took: tasks.length, room, slots: concurrency - running() - tasks.length };
    const last = tasks.at(-1);
    // A lost announcement does no harm: other workers poll.
    if (this.#backlog.record(fetch, runtime.clock.monotonicMs()) && last)
      broker.signals.announceBacklog(last.queue).catch(() => {});
  }

  /** Waits for a wake-up or the poll, whichever comes first, then fetches again. */
  async #waitForWork(): Promise<void> {
    const { broker, runtime, order } = this.#deps;
    if (!this.#taking || this.#waiting) return;
    const waiting = (this.#waiting = new AbortController());
    const pollMs = POLL_MS * (0.75 + runtime.random() / 2);
    const { signals } = broker;
    const { names } = order();
    const watchesWork = this.#watcherShare.decideToWatch();
    const wait: Wake = watchesWork ? 'work' : 'backlog';
    const signalled = watchesWork
      ? signals.waitForWork(names, waiting.signal)
      : signals.waitForBacklog(names, waiting.signal);
    // Signals never reject. If one did, the poll would still end the wait.
    const woken = signalled.then(
      () => wait,
      () => new Promise<never>(() => {}),
    );
    const wake = await within(runtime.clock, pollMs, () => woken);
    waiting.abort();
    const pauseMs = this.#watcherShare.onWake(wake ?? 'poll');
    if (pauseMs > 0) await runtime.clock.sleep(pauseMs, this.#hardStop.signal);
    if (this.#waiting === waiting) this.#waiting = undefined;
    this.#mayFindWork = true;
    this.#scheduleExchange();
  }
}
