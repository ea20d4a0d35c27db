import { GrowingPauses } from '@task-center/model';
import { MAX_LEFT_TYPES } from '../../broker/bounds.ts';
import type { GivenBack, LeasedTask } from '../../broker/consume.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** What a task waits for that no worker could run so far, as people see it. */
const NO_WORKER = 'no worker for this type';

/** Pauses of a type, after which its tasks are due again. */
const PAUSES = { firstMs: 100, maxMs: 5_000, forgetMs: 60_000 };
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

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The end of a task that this worker cannot run. */
  giveBack(task: LeasedTask): GivenBack {
    this.#tell(task);
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
    log.warn(
      { queue, type },
      'no handler for this type: this worker gives its tasks back, and they wait for a worker that has one',
    );
    events.emit('handler.missing', { queue, type });
  }
}
