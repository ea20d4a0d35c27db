import { MAX_LEFT_TYPES } from '../../broker/bounds.ts';
import type { GivenBack, LeasedTask } from '../../broker/consume.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** What a task waits for that no worker could run so far, as people see it. */
const NO_WORKER = 'no worker for this type';

/** Pauses of a type, after which its tasks are due again: from the first to the longest, doubling. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;
/** A type that was not met for this time begins anew. */
const FORGET_MS = 60_000;
/** Types that are told of; beyond them a worker says nothing more. */
const MAX_TOLD = 1_000;

/** A type without a handler. Times are monotonic. */
interface MissingType {
  pauseMs: number;
  /** When the pause grows: once for all tasks that come back together, not once for each. */
  growsAtMs: number;
  metMs: number;
}

/**
 * Tasks of types for which a worker has no handler. They are given back at no attempt, as another worker may have one: in a
 * fleet during a deployment, or where workers share a queue (ADR 21).
 */
export class MissingHandlers {
  readonly #runtime: Runtime;
  readonly #types = new Map<string, MissingType>();
  readonly #told = new Set<string>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The end of a task that this worker cannot run. */
  giveBack(task: LeasedTask): GivenBack {
    const { type } = task;
    const nowMs = this.#runtime.clock.monotonicMs();
    this.#tell(task);
    let missing = this.#types.get(type);
    if (!missing || missing.metMs + FORGET_MS <= nowMs) {
      missing = { pauseMs: FIRST_PAUSE_MS, growsAtMs: nowMs + FIRST_PAUSE_MS, metMs: nowMs };
      this.#types.set(type, missing);
    } else if (missing.growsAtMs <= nowMs) {
      missing.pauseMs = Math.min(MAX_PAUSE_MS, 2 * missing.pauseMs);
      missing.growsAtMs = nowMs + missing.pauseMs;
    }
    missing.metMs = nowMs;
    return { task, outcome: 'defer', delayMs: missing.pauseMs, reason: NO_WORKER };
  }

  /** The types that were met lately, for `FetchOptions.leave`. */
  leave(): readonly string[] {
    if (this.#types.size === 0) return [];
    const nowMs = this.#runtime.clock.monotonicMs();
    for (const [type, { metMs }] of this.#types) if (metMs + FORGET_MS <= nowMs) this.#types.delete(type);
    return [...this.#types.keys()].slice(-MAX_LEFT_TYPES);
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
