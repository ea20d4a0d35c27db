import type { LeasedTask } from '../../broker/consume.ts';
import type { Signals } from '../../broker/signals.ts';
import { polling } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { withinTime } from '../../runtime/within.ts';
import { BacklogDetector } from './backlog-detector.ts';
import type { QueueOrder } from './queue-order.ts';
import { WatcherShare, type Wake } from './watcher-share.ts';

/** Mean time until an idle worker fetches without a wake-up: wake-ups may be lost. */
const POLL_MS = 1_000;
/** How long a task may wait behind those that are left to other workers. */
const REST_MS = 100;

export interface IdleDeps {
  readonly signals: Signals;
  readonly runtime: Runtime;
  /** Aborts when the worker ends. */
  readonly signal: AbortSignal;
  /** The current queues to take tasks from. */
  order(): QueueOrder;
  /** The wait is over: a fetch may find something again. */
  onOver(): void;
}

/** What a fetch has brought. */
export interface FetchResult {
  readonly tasks: readonly LeasedTask[];
  /** Whether there were tasks that it left to other workers. */
  readonly hasLeft: boolean;
  /** Tasks that it asked for. */
  readonly room: number;
  /** Slots that are left for another fetch. */
  readonly slots: number;
}

/**
 * The wait of an idle worker for new tasks. Which wake-up it waits for depends on what its fetches found: of many idle
 * workers only a few watch for every task, the others for a backlog (ADR 11).
 */
export class Idle {
  readonly #deps: IdleDeps;
  readonly #watcherShare: WatcherShare;
  readonly #backlog = new BacklogDetector();
  /** Ends the wait; undefined while there is none. */
  #waiting: AbortController | undefined;

  constructor(deps: IdleDeps) {
    this.#deps = deps;
    this.#watcherShare = new WatcherShare(deps.runtime.random);
  }

  /** Learns from a fetch, and announces a backlog. */
  onFetched({ tasks, hasLeft, room, slots }: FetchResult): void {
    const { signals, runtime } = this.#deps;
    // Tasks that are left to others say nothing about how many workers wake for a task.
    if (tasks.length > 0 || !hasLeft) this.#watcherShare.onFetched(tasks.length > 0);
    const last = tasks.at(-1);
    const isBacklog = this.#backlog.record({ took: tasks.length, room, slots }, runtime.clock.monotonicMs());
    // A lost announcement does no harm: other workers poll.
    if (isBacklog && last) signals.announceBacklog(last.queue).catch(() => {});
  }

  /** Waits for a wake-up or the poll, whichever comes first. Does nothing while it waits already. */
  async wait(): Promise<void> {
    if (this.#waiting) return;
    const { runtime, signal, onOver } = this.#deps;
    const waiting = (this.#waiting = new AbortController());
    const pollMs = POLL_MS * (0.75 + runtime.random() / 2);
    const time = { clock: polling(runtime.clock), ms: pollMs, over: waiting };
    const wake = await withinTime(time, (late) => this.#wakeUp(late));
    const pauseMs = this.#watcherShare.onWake(wake ?? 'poll');
    if (pauseMs > 0) await runtime.clock.sleep(pauseMs, signal);
    if (this.#waiting === waiting) this.#waiting = undefined;
    onOver();
  }

  /** Waits for a short time only. While tasks are pending that are left to others, no wake-up tells of more. */
  async rest(): Promise<void> {
    if (this.#waiting) return;
    const waiting = (this.#waiting = new AbortController());
    await this.#deps.runtime.clock.sleep(REST_MS, waiting.signal);
    if (this.#waiting === waiting) this.#waiting = undefined;
    this.#deps.onOver();
  }

  #wakeUp(signal: AbortSignal): Promise<Wake> {
    const { signals, order } = this.#deps;
    const { names } = order();
    const wake: Wake = this.#watcherShare.decideToWatch() ? 'work' : 'backlog';
    const woken =
      wake === 'work' ? signals.waitForWork(names, signal) : signals.waitForBacklog(names, signal);
    // Signals never reject. If one did, the poll or `wake` would still end the wait.
    return woken.then(
      () => wake,
      () => this.#deps.runtime.clock.sleep(2 * POLL_MS, signal).then((): Wake => 'poll'),
    );
  }

  /** Ends the wait. */
  wake(): void {
    this.#waiting?.abort();
  }

  /** Ends the wait, and does not rely on its end: another wait may begin at once. */
  abandon(): void {
    this.wake();
    this.#waiting = undefined;
  }
}
