import { MAX_BATCH } from '../../broker/bounds.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Admission } from '../admission.ts';

/** With two calls under way the broker and this process are busy at the same time. */
export const MAX_IN_FLIGHT = 2;

export interface DemandDeps {
  readonly clock: Clock;
  /** Most attempts at once. */
  readonly concurrency: number;
  /** Slots that are not free. */
  taken(): number;
  /** Says how many tasks to ask for, where that is not simply the number of free slots. */
  readonly admission?: Pick<Admission, 'room'> | undefined;
  /** Whether tasks may be taken now. When it becomes true again, the exchange loop must be woken. */
  mayTake(): boolean;
}

/** How many tasks a worker wants now, and for how long it has not got any that it could have had. */
export class Demand {
  readonly #deps: DemandDeps;
  /** Most tasks and most finishes of a call. */
  readonly maxPerCall: number;
  /** Whether a fetch may find something; false while the worker waits for a wake-up. */
  mayFindWork = true;
  #isTaking = false;
  /** Slots reserved by calls under way. */
  #reserved = 0;
  /** When a fetch ended last, or no fetch was needed; monotonic. */
  #aliveMs = 0;

  constructor(deps: DemandDeps) {
    this.#deps = deps;
    this.maxPerCall = Math.min(MAX_BATCH, Math.ceil(deps.concurrency / MAX_IN_FLIGHT));
  }

  /** Whether tasks are taken: between `start` and `stop`. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  start(): void {
    this.#isTaking = true;
    this.onFetched();
  }

  stop(): void {
    this.#isTaking = false;
  }

  /** Slots that no task has. Some of them may be reserved. */
  get freeSlots(): number {
    const { admission, concurrency, taken } = this.#deps;
    return admission ? admission.room() : concurrency - taken();
  }

  /** Slots that the next call may ask tasks for. Not positive = it must not ask. */
  get room(): number {
    if (!this.#isTaking || !this.mayFindWork || !this.#deps.mayTake()) return 0;
    return Math.min(this.maxPerCall, this.freeSlots - this.#reserved);
  }

  /** A call asks tasks for this number of slots. */
  reserve(slots: number): void {
    this.#reserved += slots;
  }

  /** Its tasks run, or it has brought none. */
  free(slots: number): void {
    this.#reserved -= slots;
  }

  /** A fetch has ended. */
  onFetched(): void {
    this.#aliveMs = this.#deps.clock.monotonicMs();
  }

  /** How long slots have been free without a fetch that ended, ms. */
  stuckForMs(): number {
    const isIdle = this.#isTaking && this.freeSlots > 0 && this.#deps.mayTake();
    if (!isIdle) this.onFetched();
    return this.#deps.clock.monotonicMs() - this.#aliveMs;
  }
}
