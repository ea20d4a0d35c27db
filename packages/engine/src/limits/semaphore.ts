import type { Broker } from '../broker/broker.ts';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import type { TaskMeta } from '../task/meta.ts';
import { storedTaskId } from '../task/task-id.ts';

/** Who holds a token: a task as its handler has it. */
export interface TokenHolder {
  readonly id: string;
  readonly meta?: TaskMeta;
}

/**
 * Lets at most so many tasks at a time do something, over all workers of the broker and Go servers that use Asynq's
 * `rate.NewSemaphore` with the same scope. Every task holds at most one token of a scope; two tasks with one ID in two
 * queues share one.
 *
 * A token is free again when it is released, or 1 to 2 s after the deadline with which it was acquired, so that a crashed
 * holder does no lasting harm.
 */
export class Semaphore {
  readonly #broker: Broker;
  readonly #scope: string;
  readonly #maxTokens: number;

  /**
   * @param scope what is limited; not blank
   * @param maxTokens 1 or more; the same wherever the scope is used
   * @throws TaskCenterError `invalid-value`
   */
  constructor(broker: Broker, scope: string, maxTokens: number) {
    if (typeof scope !== 'string' || scope.trim() === '') {
      throw invalid('scope', scope, 'a text that is not blank');
    }
    if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
      throw invalid('maxTokens', maxTokens, 'a whole number of at least 1');
    }
    this.#broker = broker;
    this.#scope = scope;
    this.#maxTokens = maxTokens;
  }

  /**
   * Takes a token for a task: `if (!(await semaphore.acquire(task, context))) throw …`. Never waits for one; `false` = all
   * are taken. A task that has one, acquired with the same deadline, keeps it.
   *
   * @param until the handler's context, or any deadline, wall-clock ms
   * @throws TaskCenterError `invalid-value`, `broker-unavailable`, `broker-refused`
   */
  async acquire(holder: TokenHolder, until: { readonly deadlineMs: number }): Promise<boolean> {
    const { deadlineMs } = until;
    if (!Number.isFinite(deadlineMs)) throw invalid('deadlineMs', deadlineMs, 'a time in ms');
    return this.#broker.semaphores.acquire({
      scope: this.#scope,
      maxTokens: this.#maxTokens,
      holder: tokenOf(holder),
      untilMs: deadlineMs,
    });
  }

  /**
   * Gives a task's token back.
   *
   * @throws TaskCenterError `token-not-held` (also when its time was over, and somebody else has it now; or, rarely, when
   *   the answer of the broker was lost once), `broker-unavailable`
   */
  async release(holder: TokenHolder): Promise<void> {
    if (await this.#broker.semaphores.release(this.#scope, tokenOf(holder))) return;
    throw new TaskCenterError('token-not-held', { id: holder.id, scope: this.#scope });
  }
}

/** As Asynq's: the stored ID. */
function tokenOf({ id, meta }: TokenHolder): string {
  if (typeof id !== 'string' || id === '') throw invalid('id', id, 'the ID of a task');
  return storedTaskId(id, meta?.business ?? null);
}

function invalid(name: string, got: unknown, expected: string): TaskCenterError<'invalid-value'> {
  return new TaskCenterError('invalid-value', { name, got: shown(got), expected });
}
