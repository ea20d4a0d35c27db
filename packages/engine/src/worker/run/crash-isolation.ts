import { SUSPECT_CRASHES } from '@task-center/model';
import type { LeasedTask } from '../../broker/consume.ts';
import { Changed } from '../../runtime/changed.ts';
import type { Clock } from '../../runtime/clock.ts';
import { within } from '../../runtime/within.ts';
import type { HeldTask } from '../held-task.ts';

/** Max time to let others end, and then to run alone. A task that kills its process mostly does so at once. */
const ALONE_MS = 1_000;

const isSuspected = ({ crashes }: LeasedTask): boolean => crashes >= SUSPECT_CRASHES;

/** The same tasks with suspected ones first: if there is one, no other task of the call must start. */
export function suspectedFirst(tasks: readonly LeasedTask[]): readonly LeasedTask[] {
  if (!tasks.some(isSuspected)) return tasks;
  return [...tasks.filter(isSuspected), ...tasks.filter((task) => !isSuspected(task))];
}

export interface CrashIsolationDeps {
  readonly clock: Clock;
  /** Attempts running now. */
  running(): number;
  /** Starts the task's attempt. */
  start(held: HeldTask): void;
  /** Gives a task back to the broker. One that stayed here without having started would be blamed for a crash as well. */
  giveBack(held: HeldTask): void;
  /** Resolves when the broker has all tasks that were given back, and no call that may bring more is under way. */
  drained(): Promise<void>;
  /** Tasks may be taken again. */
  onDone(): void;
}

/**
 * Runs suspected tasks alone: docs/design/engine.md#crash-isolation.
 *
 * 1. A suspected task arrives while others run. It is given back, nothing is taken, and the others get 1 s to end.
 * 2. The next suspected task starts if nothing else is here, or if the others have had that time. Nothing is started beside
 *    it for 1 s.
 * 3. Then tasks are taken again. If it still runs, it has survived, and others may run beside it.
 */
export class CrashIsolation {
  readonly #deps: CrashIsolationDeps;
  /** The task that runs alone. */
  #alone: HeldTask | undefined;
  #isBusy = false;
  /** The others have had their time to end: the next suspected task starts in any case. */
  #nextMayStart = false;
  /** Suspected tasks that have had their time alone and still run. Another one may start beside them. */
  readonly #survivors = new Set<HeldTask>();
  readonly #changed = new Changed();

  constructor(deps: CrashIsolationDeps) {
    this.#deps = deps;
  }

  /** Whether nothing else may be taken or started now. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Takes charge of a new task: starts it later, or gives it back. False = the caller may start it now. */
  intercept(held: HeldTask): boolean {
    const { giveBack, running } = this.#deps;
    if (this.#isBusy) {
      giveBack(held);
      return true;
    }
    const mayStart = this.#nextMayStart || running() === this.#survivors.size;
    this.#nextMayStart = false;
    if (!isSuspected(held.task)) return false;
    this.#isBusy = true;
    if (mayStart) {
      void this.#runAlone(held);
    } else {
      giveBack(held);
      void this.#waitForOthers();
    }
    return true;
  }

  /** Call it when an attempt has ended. */
  onEnded(held: HeldTask): void {
    this.#survivors.delete(held);
    if (this.#alone === held) this.#alone = undefined;
    this.#changed.notify();
  }

  /** Gives the others time to end. */
  async #waitForOthers(): Promise<void> {
    const isAlone = () => this.#deps.running() <= this.#survivors.size;
    await this.#within((late) => this.#changed.until(isAlone, late));
    this.#nextMayStart = true;
    this.#end();
  }

  /** Starts the task if it is still here once nothing else is, and gives it time alone. */
  async #runAlone(held: HeldTask): Promise<void> {
    await this.#within(() => this.#deps.drained());
    if (held.isWaiting) {
      this.#alone = held;
      this.#deps.start(held);
      await this.#within((late) => this.#changed.until(() => this.#alone !== held, late));
      if (this.#alone) this.#survivors.add(held);
      this.#alone = undefined;
    }
    this.#end();
  }

  #end(): void {
    this.#isBusy = false;
    this.#deps.onDone();
  }

  /** Waits, but for 1 s at most. */
  #within(wait: (late: AbortSignal) => Promise<void>): Promise<void> {
    return within(this.#deps.clock, ALONE_MS, wait);
  }
}
