import type { Inspect } from '../../broker/inspect.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { HeldTask } from '../held-task.ts';

/** How long a message is remembered: longer than a call takes that may bring its task. */
const REMEMBER_MS = 10_000;
/** Messages remembered at once. Each worker hears those of all tasks. */
const MAX_REMEMBERED = 1_000;

export interface CancelRequestsDeps {
  readonly inspect: Pick<Inspect, 'cancelRequested'>;
  readonly runtime: Runtime;
  /** The tasks held now. */
  held(): Iterable<HeldTask>;
  /** Gives a task back to the broker that has not started. */
  giveBack(held: HeldTask): void;
}

/**
 * Obeys cancellations: docs/design/engine.md#cancellation. The message is Asynq's, a stored ID in any queue. The broker knows
 * what it means:
 *
 * - Somebody has asked to cancel the task. Its handler is asked to stop, and may still succeed.
 * - Otherwise it is the bare message of Asynq's tools. The attempt ends now, as failed.
 */
export class CancelRequests {
  readonly #deps: CancelRequestsDeps;
  /** When messages came that were for no task here, by ID: a task may be on its way. Monotonic ms. */
  readonly #remembered = new Map<string, number>();

  constructor(deps: CancelRequestsDeps) {
    this.#deps = deps;
  }

  /** A message has come. */
  hear(id: string): void {
    const found = [...this.#deps.held()].filter(({ task }) => task.id === id);
    if (found.length === 0) return this.#remember(id);
    for (const held of found) void this.#obey(held, () => held.cancel());
  }

  /** Tasks have come. A bare message that came before does not concern them, as in Asynq. */
  onArrived(arrived: readonly HeldTask[]): void {
    if (this.#remembered.size === 0) return;
    for (const held of arrived) if (this.#isRemembered(held.task.id)) void this.#obey(held, () => {});
  }

  async #obey(held: HeldTask, obeyBare: () => void): Promise<void> {
    const { inspect, runtime, giveBack } = this.#deps;
    try {
      const [isRequested] = await inspect.cancelRequested([held.task]);
      if (isRequested !== true) return obeyBare();
      if (held.isWaiting) return giveBack(held);
      held.attempt?.askToStop();
    } catch (error) {
      // The attempt ends now. The broker decides what becomes of the task.
      runtime.log.warn({ err: error, task_id: held.task.id }, 'a cancellation could not be looked up');
      obeyBare();
    }
  }

  #remember(id: string): void {
    const nowMs = this.#deps.runtime.clock.monotonicMs();
    for (const [old, atMs] of this.#remembered) {
      if (atMs > nowMs - REMEMBER_MS && this.#remembered.size < MAX_REMEMBERED) break;
      this.#remembered.delete(old);
    }
    this.#remembered.delete(id);
    this.#remembered.set(id, nowMs);
  }

  #isRemembered(id: string): boolean {
    const atMs = this.#remembered.get(id);
    return atMs !== undefined && atMs > this.#deps.runtime.clock.monotonicMs() - REMEMBER_MS;
  }
}
