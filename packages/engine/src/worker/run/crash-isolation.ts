import { SUSPECT_LOSSES } from '@task-center/model';
import type { LeasedTask } from '../../broker/consume.ts';
import { Changed } from '../../runtime/changed.ts';
import type { Clock } from '../../runtime/clock.ts';
import { within } from '../../runtime/within.ts';
import type { HeldTask } from '../held-task.ts';

/** Max time to let others end, and then to run alone. A task that kills its process mostly does so at once. */
const ALONE_MS = 1_000;

/** Wait after a mark that could not be taken back. */
const UNMARK_AGAIN_MS = 1_000;

const isSuspected = ({ crashes }: LeasedTask): boolean => crashes >= SUSPECT_LOSSES;

/** The same tasks with suspected ones first: if there is one, no other task of the call must start. */
export function suspectedFirst(tasks: readonly LeasedTask[]): readonly LeasedTask[] {
  if (!tasks.some(isSuspected)) return tasks;
  return [...tasks.filter(isSuspected), ...tasks.filter((task) => !isSuspected(task))];
}

export interface CrashIsolationDeps {
  readonly clock: Clock;
  /** Attempts running now. */
  running(): number;
  /**
   * Records in the broker that the task runs alone from now on, or no longer. False = that failed. Never rejects, and a lost lease
   * is no failure.
   */
  mark(held: HeldTask, isAlone: boolean): Promise<boolean>;
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
 *
 * While it is marked as alone, the loss of this process is a crash that it has caused. The mark ends after step 3, before anything
 * else starts: at once if others run, otherwise when the next task arrives.
 */
export class CrashIsolation {
  readonly #deps: CrashIsolationDeps;
  /** The task that runs alone. */
  #alone: HeldTask | undefined;
  #isBusy = false;
  /** The others have had their time to end: the next suspected task starts in any case. */
  #nextMayStart = false;
  /** The survivor that is still marked as alone: nothing else runs. */
  #marked: HeldTask | undefined;
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
    if (this.#marked) {
      this.#isBusy = true;
      void this.#unmark(this.#marked).then(() => this.#end());
      this.#marked = undefined;
    }
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
    if (this.#marked === held) this.#marked = undefined;
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
    const { drained, mark, running, start } = this.#deps;
    await this.#within(() => drained());
    if (held.isWaiting) await mark(held, true);
    if (held.isWaiting) {
      this.#alone = held;
      start(held);
      await this.#within((late) => this.#changed.until(() => this.#alone !== held, late));
      const hasSurvived = this.#alone === held;
      this.#alone = undefined;
      if (hasSurvived) {
        this.#survivors.add(held);
        if (running() === 1) this.#marked = held;
        else await this.#unmark(held);
      }
    }
    this.#end();
  }

  /** Takes the mark back, which must succeed while the task runs: it would be blamed for what others do. */
  async #unmark(held: HeldTask): Promise<void> {
    while (this.#survivors.has(held) && !(await this.#deps.mark(held, false)))
      await this.#deps.clock.sleep(UNMARK_AGAIN_MS);
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
