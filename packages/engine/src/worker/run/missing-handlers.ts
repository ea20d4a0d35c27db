import { GrowingPauses } from '@task-center/model';
import { MAX_LEFT_TYPES } from '../../broker/bounds.ts';
import type { GivenBack, LeasedTask } from '../../broker/consume.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** What a task waits for that no worker could run so far, as people see it. */
const NO_WORKER = 'no worker for this type';

/** Pauses of a type, after which its tasks are due again. */
const PAUSES = { firstMs: 100, maxMs: 5_000, forgetMs: 60_000 };
const GIVE_BACK_TEXT =
  'no handler for this type: this worker gives its tasks back, and they wait for a worker that has one';
const FAIL_TEXT = 'no handler for this type: its tasks fail';
/** Types that are told of; beyond them a worker says nothing more. */
const MAX_TOLD = 1_000;

/**
 * Tasks of types for which a worker has no handler. They are given back without using up an attempt, as another worker may have one: in a
 * fleet during a deployment, or where workers share a queue (ADR 21).
 */
export class MissingHandlers {
  readonly #runtime: Runtime;
  /** By type. */
  readonly #pauses = new GrowingPauses(PAUSES);
  readonly #told = new Set<string>();
  readonly #fails: boolean;

  /** @param fails whether such tasks fail, as with a Go server */
  constructor(runtime: Runtime, fails = false) {
    this.#runtime = runtime;
    this.#fails = fails;
  }

  /** The end of a task that this worker cannot run; null = its attempt fails. */
  meet(task: LeasedTask): GivenBack | null {
    this.#tell(task);
    if (this.#fails) return null;
    const delayMs = this.#pauses.next(task.type, this.#runtime.clock.monotonicMs());
    return { task, outcome: 'defer', delayMs, reason: NO_WORKER };
  }

  /** The types that were met lately, for `FetchOptions.leave`. */
  leave(): readonly string[] {
    return this.#pauses.keys(this.#runtime.clock.monotonicMs()).slice(-MAX_LEFT_TYPES);
  }

  #tell({ queue, type }: LeasedTask): void {
    if (this.#told.has(type) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(type);
    const { log, events } = this.#runtime;
    log.error({ queue, type }, this.#fails ? FAIL_TEXT : GIVE_BACK_TEXT);
    events.emit('handler.missing', { queue, type });
  }
}
