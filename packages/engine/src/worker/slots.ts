import type { Finish, GivenBack, LeasedTask } from '../broker/consume.ts';
import { HeldTask } from './held-task.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Attempt } from './run/attempt.ts';

/**
 * The tasks that a worker holds. Each one that waits or runs takes one of its slots. Every step of a task is told here. Its
 * lease is renewed from the first step to the last one: it must not expire during a slow answer of the broker.
 */
export class TaskSlots {
  readonly #keeper: LeaseKeeper;
  #running = 0;
  #waiting = 0;

  constructor(keeper: LeaseKeeper) {
    this.#keeper = keeper;
  }

  /** Attempts running now. */
  get running(): number {
    return this.#running;
  }

  /** Slots that are not free. */
  get taken(): number {
    return this.#running + this.#waiting;
  }

  /** The tasks held now, in the order of their arrival. */
  all(): Iterable<HeldTask> {
    return this.#keeper.leases();
  }

  /** A task has arrived. `sinceMs`: start of the call that took it, monotonic. */
  add(task: LeasedTask, sinceMs: number): HeldTask {
    const held = new HeldTask(task);
    this.#waiting += 1;
    this.#keeper.track(held, sinceMs);
    return held;
  }

  /** Its attempt begins, and must end by `endsMs` (monotonic). Returns false if its lease is lost: the task is gone. */
  start(held: HeldTask, attempt: Attempt, endsMs: number): boolean {
    this.#waiting -= 1;
    if (!this.#keeper.begin(held, endsMs)) {
      this.#keeper.release(held);
      return false;
    }
    this.#running += 1;
    held.attempt = attempt;
    held.endsMs = endsMs;
    return true;
  }

  /** Its attempt has ended. Without a finish its lease is lost, and nothing will be handed in. */
  end(held: HeldTask, finish: Finish | undefined): void {
    this.#running -= 1;
    held.thrown = held.attempt?.thrown;
    held.attempt = undefined;
    held.endsMs = Infinity;
    held.finish = finish;
  }

  /** It waits, and goes back to the broker. */
  giveBack(held: HeldTask, finish?: GivenBack): void {
    this.#waiting -= 1;
    held.giveBack(finish);
  }

  /** A task that waits has lost its lease; the keeper has released it. */
  drop(): void {
    this.#waiting -= 1;
  }

  /**
   * The broker has answered its finish, which is dropped: what V8 keeps of a set that has grown may hold the record for some
   * time, and would hold the finish, too.
   */
  release(held: HeldTask): void {
    held.finish = undefined;
    held.thrown = undefined;
    this.#keeper.release(held);
  }
}
