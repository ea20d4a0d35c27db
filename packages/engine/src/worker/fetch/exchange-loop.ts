import type { Consume, Finish, FinishOutcome, LeasedTask, ExchangeOutcome } from '../../broker/consume.ts';
import type { Signals } from '../../broker/signals.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { BacklogDetector } from './backlog-detector.ts';
import { WatcherShare, type Wake } from './watcher-share.ts';
import type { QueueOrder } from './queue-order.ts';

/** Underneath the wake-ups (design D4). */
const POLL_MS = 1_000;
const FAILURE_MS = 1_000;
/** Two calls under way keep broker and process busy at the same time. */
const MAX_IN_FLIGHT = 2;
/** The bound of a call (design D2). */
const MAX_PER_CALL = 256;
/** A call that took longer than this says little about the leases it brought. */
const SLOW_MS = 1_000;

export interface ExchangeLoopDeps {
  readonly broker: { readonly consume: Consume; readonly signals: Signals };
  readonly runtime: Runtime;
  readonly worker: string;
  readonly concurrency: number;
  /** Length of the leases. */
  readonly leaseMs: number;
  /** Queues to take from, as they are at this moment. */
  order(): QueueOrder;
  /** Attempts running now. */
  running(): number;
  /** Whether tasks may be taken now; `wake` says when again. */
  mayTake(): boolean;
  /** New work, with the monotonic time at which its leases were asked for. */
  onTasks(tasks: readonly LeasedTask[], sinceMs: number): void;
  onFinished(finish: Finish, outcome: FinishOutcome): void;
  /** The broker knows of a task that never started here. */
  onGivenBack(task: LeasedTask): void;
}

/** A call under way, with the slots kept free for what it brings. */
interface CallUnderWay {
  readonly room: number;
  /** Ends of attempts that it hands in. */
  readonly finishes: number;
  /** Nobody waits for it any more: what it still brings is given back. */
  writtenOff: boolean;
}

/** Turns the wheel: hands in what ended and takes new tasks, in as few calls as possible. */
export class ExchangeLoop {
  readonly #deps: ExchangeLoopDeps;
  readonly #hardStop = new AbortController();
  /** What one call carries at most, each way. */
  readonly #share: number;
  readonly #watcherShare: WatcherShare;
  readonly #backlog = new BacklogDetector();
  readonly #calls = new Set<CallUnderWay>();
  /** Those written off that hand something in. */
  readonly #late = new Set<CallUnderWay>();
  #finishes: Finish[] = [];
  /** Of these the ones that give back what never started: nobody waits to hear of them. */
  readonly #unstarted = new Set<Finish>();
  #reserved = 0;
  #taking = false;
  /** Whether a fetch may find something; false while waiting for a wake-up. */
  #mayFindWork = true;
  #scheduled = false;
  #waiting: AbortController | undefined;
  readonly #whenIdle = new Set<() => void>();
  /** When a fetch ended last, or none was needed; monotonic ms. */
  #aliveMs = 0;

  constructor(deps: ExchangeLoopDeps) {
    this.#deps = deps;
    this.#watcherShare = new WatcherShare(deps.runtime.random);
    this.#share = Math.min(MAX_PER_CALL, Math.ceil(deps.concurrency / MAX_IN_FLIGHT));
  }

  /** Begins to take tasks. */
  start(): void {
    this.#taking = true;
    this.#aliveMs = this.#deps.runtime.clock.monotonicMs();
    this.#scheduleExchange();
  }

  /** Takes nothing more; what ends is still handed in. */
  stopTaking(): void {
    this.#taking = false;
    this.#waiting?.abort();
  }

  /** Queues have changed, or something is known to wait. */
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

  /** Waits no longer for the calls under way nor for a wake-up, and fetches. Returns the number of such calls. */
  revive(): number {
    const hanging = this.#calls.size;
    for (const call of this.#calls) {
      call.writtenOff = true;
      this.#reserved -= call.room;
      if (call.finishes > 0) this.#late.add(call);
    }
    this.#calls.clear();
    this.#aliveMs = this.#deps.runtime.clock.monotonicMs();
    this.wake();
    this.#waiting = undefined;
    return hanging;
  }

  /** Hands in the end of an attempt; its slot is free from now on. */
  finish(finish: Finish): void {
    this.#finishes.push(finish);
    this.#scheduleExchange();
  }

  /** Gives back what never started. */
  giveBack(task: LeasedTask): void {
    const finish = { outcome: 'requeue', task } as const;
    this.#unstarted.add(finish);
    this.finish(finish);
  }

  /** An attempt ended without anything to hand in. */
  slotFreed(): void {
    this.#scheduleExchange();
  }

  /** Resolves when nothing is to be handed in and no call is under way. */
  async drained(): Promise<void> {
    while (this.#finishes.length > 0 || this.#calls.size > 0 || this.#late.size > 0) {
      await new Promise<void>((resolve) => this.#whenIdle.add(resolve));
    }
  }

  /** Gives up calls under way: what was not handed in is recovered through its lease. */
  giveUp(): void {
    this.#hardStop.abort();
    this.#finishes = [];
  }

  #scheduleExchange(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#canExchange()) return;
      void this.#exchange();
      // A second call goes out after the first was written (an immediate later): two that arrive together are
      // answered together, and then broker and process wait for each other.
      if (this.#canExchange()) setImmediate(() => this.#scheduleExchange());
    });
  }

  #room(): number {
    if (!this.#taking || !this.#mayFindWork || !this.#deps.mayTake()) return 0;
    return Math.min(this.#share, this.#deps.concurrency - this.#deps.running() - this.#reserved);
  }

  #canExchange(): boolean {
    if (this.#calls.size >= MAX_IN_FLIGHT || this.#hardStop.signal.aborted) return false;
    return this.#finishes.length > 0 || this.#room() > 0;
  }

  async #exchange(): Promise<void> {
    const { broker, runtime, worker, order, leaseMs } = this.#deps;
    const room = Math.max(0, this.#room());
    const finishes = this.#finishes.splice(0, this.#share);
    const sinceMs = runtime.clock.monotonicMs();
    const call: CallUnderWay = { room, finishes: finishes.length, writtenOff: false };
    this.#calls.add(call);
    this.#reserved += room;
    try {
      const from = room > 0 ? order().next(room, runtime.random) : { queues: [] };
      const exchange = { finishes, ...from, room, leaseMs, worker };
      const outcome = await broker.consume.exchange(exchange, { signal: this.#hardStop.signal });
      finishes.forEach((finish, i) => this.#finished(finish, outcome.finished[i] as FinishOutcome));
      if (call.writtenOff) outcome.tasks.forEach((task) => this.giveBack(task));
      else {
        // The room stays reserved until what was taken runs.
        const took = this.#take(outcome, room, sinceMs);
        if (took) await took;
      }
    } catch (error) {
      this.#release(call);
      await this.#failed(finishes, error);
    }
    this.#end(call);
  }

  #release(call: CallUnderWay): void {
    if (!call.writtenOff) this.#reserved -= call.room;
    call.writtenOff = true;
  }

  #end(call: CallUnderWay): void {
    if (call.room > 0) this.#aliveMs = this.#deps.runtime.clock.monotonicMs();
    this.#release(call);
    this.#calls.delete(call);
    this.#late.delete(call);
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle.clear();
    this.#scheduleExchange();
  }

  #finished(finish: Finish, outcome: FinishOutcome): void {
    if (this.#unstarted.delete(finish)) this.#deps.onGivenBack(finish.task);
    else this.#deps.onFinished(finish, outcome);
  }

  /** Resolves when what was taken runs; nothing when it does so at once. Never rejects. */
  #take({ tasks, quarantined }: ExchangeOutcome, room: number, sinceMs: number): Promise<void> | undefined {
    const { runtime } = this.#deps;
    for (const { queue, ids } of quarantined) {
      runtime.log.error({ queue, task_ids: ids }, 'tasks that nobody can read were set aside');
      runtime.events.emit('tasks.quarantined', { queue, ids });
    }
    if (room > 0) this.#fetched(tasks, room);
    if (tasks.length > 0) {
      this.#mayFindWork = true;
      if (runtime.clock.monotonicMs() - sinceMs > SLOW_MS) return this.#takeDoubtful(tasks);
      this.#begin(tasks, sinceMs);
    } else if (room > 0 && quarantined.length === 0) {
      this.#mayFindWork = false;
      void this.#untilWork();
    }
    return undefined;
  }

  /** After `stopTaking` nothing starts any more: what a call under way has brought is given back. */
  #begin(tasks: readonly LeasedTask[], sinceMs: number): void {
    if (this.#taking) this.#deps.onTasks(tasks, sinceMs);
    else tasks.forEach((task) => this.giveBack(task));
  }

  /** After a slow call the leases may be as good as over: renew first, and run what is still ours. */
  async #takeDoubtful(tasks: readonly LeasedTask[]): Promise<void> {
    const { broker, runtime, leaseMs } = this.#deps;
    const sinceMs = runtime.clock.monotonicMs();
    try {
      const ours = await broker.consume.extend(tasks, leaseMs);
      this.#begin(
        tasks.filter((_, i) => ours[i] === true),
        sinceMs,
      );
    } catch (error) {
      runtime.log.warn({ err: error, tasks: tasks.length }, 'tasks taken too slowly are left to recovery');
    }
  }

  async #failed(finishes: readonly Finish[], error: unknown): Promise<void> {
    if (this.#hardStop.signal.aborted) return;
    this.#deps.runtime.log.error(
      { err: error, finishes: finishes.length },
      'an exchange failed; trying again',
    );
    await this.#deps.runtime.clock.sleep(FAILURE_MS, this.#hardStop.signal);
    this.#finishes.unshift(...finishes);
  }

  #fetched(tasks: readonly LeasedTask[], room: number): void {
    const { broker, runtime, running, concurrency } = this.#deps;
    this.#watcherShare.answered(tasks.length > 0);
    const fetched = { took: tasks.length, room, slots: concurrency - running() - tasks.length };
    const last = tasks.at(-1);
    // Who does not hear of it polls.
    if (this.#backlog.tells(fetched, runtime.clock.monotonicMs()) && last)
      broker.signals.tellBacklog(last.queue).catch(() => {});
  }

  /** Waits for a wake-up or the poll, whichever comes first, then lets the wheel turn again. */
  async #untilWork(): Promise<void> {
    const { broker, runtime, order } = this.#deps;
    if (!this.#taking || this.#waiting) return;
    const waiting = (this.#waiting = new AbortController());
    const poll = runtime.clock.sleep(POLL_MS * (0.75 + runtime.random() / 2), waiting.signal);
    const polled = poll.then((): Wake => 'poll');
    const wait = this.#watcherShare.watches() ? 'work' : 'backlog';
    // Signals never reject; if they did, the poll is still there.
    const told = broker.signals[wait](order().names, waiting.signal).then(
      (): Wake => wait,
      () => polled,
    );
    const wake = await Promise.race([told, polled]);
    waiting.abort();
    const pauseMs = this.#watcherShare.woken(wake);
    if (pauseMs > 0) await runtime.clock.sleep(pauseMs, this.#hardStop.signal);
    if (this.#waiting === waiting) this.#waiting = undefined;
    this.#mayFindWork = true;
    this.#scheduleExchange();
  }
}
