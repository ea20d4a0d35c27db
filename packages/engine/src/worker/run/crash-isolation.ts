import type { LeasedTask } from '../../broker/consume.ts';
import type { Clock } from '../../runtime/clock.ts';

/** One crash more makes a task poison: who is beside the one that crashes must not be taken for it. */
const SUSPECT_CRASHES = 2;
/** So long at most others may take to end before it starts, and it runs alone: what kills a process mostly does so at once. */
const ALONE_MS = 1_000;

const isSuspected = ({ crashes }: LeasedTask): boolean => crashes >= SUSPECT_CRASHES;

/** The same tasks, suspects before all others: where there is one, the others must not have started. */
export function suspectedFirst(tasks: readonly LeasedTask[]): readonly LeasedTask[] {
  if (!tasks.some(isSuspected)) return tasks;
  return [...tasks.filter(isSuspected), ...tasks.filter((task) => !isSuspected(task))];
}

export interface CrashIsolationDeps {
  readonly clock: Clock;
  /** Attempts running now. */
  running(): number;
  start(task: LeasedTask): void;
  /** What is held unstarted would be blamed for a crash, too. */
  giveBack(task: LeasedTask): void;
  /** Resolves when the broker has all that was given back, and no call that may bring more is under way. */
  handedIn(): Promise<void>;
  /** Others may be taken again. */
  onDone(): void;
}

/**
 * A task that was lost with its worker more than once starts when nothing else runs here, and is alone for a while. Until
 * others have ended it is given back, and nothing is taken.
 */
export class CrashIsolation {
  readonly #deps: CrashIsolationDeps;
  #waiting: LeasedTask | undefined;
  /** The one that has its time alone. */
  #alone: LeasedTask | undefined;
  #busy = false;
  /** Others had their time to end: the next suspect starts in any case. */
  #ready = false;
  /** Suspects that still run and have had their time alone: another one may join them. */
  readonly #survivors = new Set<LeasedTask>();
  #onChange: (() => void) | undefined;

  constructor(deps: CrashIsolationDeps) {
    this.#deps = deps;
  }

  /** The one that is held and has not started yet. */
  get waiting(): LeasedTask | undefined {
    return this.#waiting;
  }

  /** Whether nothing else may be taken or started now. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Starts the task in its time, or gives it back; false = it may start now. */
  takes(task: LeasedTask): boolean {
    const { giveBack, running } = this.#deps;
    if (this.#busy) {
      giveBack(task);
      return true;
    }
    const ready = this.#ready || running() === this.#survivors.size;
    this.#ready = false;
    if (!isSuspected(task)) return false;
    this.#busy = true;
    if (ready) {
      this.#waiting = task;
      void this.#runAlone();
    } else {
      giveBack(task);
      void this.#drain();
    }
    return true;
  }

  /** The task's attempt has ended. */
  ended(task: LeasedTask): void {
    this.#survivors.delete(task);
    if (this.#alone === task) this.#alone = undefined;
    this.#onChange?.();
  }

  /** The one that waits shall not run any more. */
  remove(): void {
    this.#waiting = undefined;
  }

  async #drain(): Promise<void> {
    const othersRun = () => this.#deps.running() > this.#survivors.size;
    await this.#within((late) => this.#while(othersRun, late));
    this.#ready = true;
    this.#done();
  }

  async #runAlone(): Promise<void> {
    await this.#within(() => this.#deps.handedIn());
    const task = this.#waiting;
    this.#waiting = undefined;
    if (task) {
      this.#alone = task;
      this.#deps.start(task);
      await this.#within((late) => this.#while(() => this.#alone === task, late));
      if (this.#alone) this.#survivors.add(task);
      this.#alone = undefined;
    }
    this.#done();
  }

  #done(): void {
    this.#busy = false;
    this.#deps.onDone();
  }

  async #within(wait: (late: AbortSignal) => Promise<void>): Promise<void> {
    const late = new AbortController();
    await Promise.race([wait(late.signal), this.#deps.clock.sleep(ALONE_MS, late.signal)]);
    late.abort();
  }

  async #while(runs: () => boolean, late: AbortSignal): Promise<void> {
    while (runs() && !late.aborted) await new Promise<void>((resolve) => (this.#onChange = resolve));
  }
}
