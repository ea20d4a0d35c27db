import { storedTaskId } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { createFieldsCheck, required } from '../checks/options.ts';
import { checkBroker, checkOf, filledText, anyText, wholeNumber } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import type { TaskMeta } from '../task/meta.ts';

/** The holder of a token: a task, as its handler gets it. */
export interface TokenHolder {
  readonly id: string;
  readonly meta?: TaskMeta;
}

const checkMaxTokens = wholeNumber(1);
const checkMeta = createFieldsCheck<Pick<TaskMeta, 'business'>>('meta', { business: anyText });
const checkHolder = createFieldsCheck<TokenHolder>('holder', {
  id: required(filledText),
  meta: (value) => void checkMeta(value),
});
const checkUntil = createFieldsCheck<{ readonly deadlineMs: number }>('until', {
  deadlineMs: required(checkOf('a time of the wall clock in ms', Number.isFinite)),
});

/**
 * Limits how many tasks hold a token of a scope at once, over all workers of the broker. Go servers share the limit if
 * they use Asynq's `rate.NewSemaphore` with the same scope. A task holds at most one token of a scope. Tasks with the
 * same ID in different queues share a token.
 *
 * A token is free again when it is released, or 1 to 2 s after the deadline with which it was acquired. A holder that
 * crashes therefore blocks it only for a time.
 */
export class Semaphore {
  readonly #broker: Broker;
  readonly #scope: string;
  readonly #maxTokens: number;

  /**
   * @param scope names what is limited; not blank
   * @param maxTokens 1 or more; should be the same wherever the scope is used
   * @throws TaskCenterError `invalid-value`
   */
  constructor(broker: Broker, scope: string, maxTokens: number) {
    checkBroker(broker, 'semaphores');
    filledText(scope, 'scope');
    checkMaxTokens(maxTokens, 'maxTokens');
    this.#broker = broker;
    this.#scope = scope;
    this.#maxTokens = maxTokens;
  }

  /**
   * Acquires a token for a task: `if (!(await semaphore.acquire(task, context))) throw …`. Does not wait: `false` = all
   * tokens are taken. Idempotent: acquiring again with the same deadline succeeds.
   *
   * @param until the handler's context, or any object with a deadline in wall-clock ms
   * @throws TaskCenterError `invalid-value`, `broker-unavailable`, `broker-refused`
   */
  async acquire(holder: TokenHolder, until: { readonly deadlineMs: number }): Promise<boolean> {
    const { deadlineMs } = checkUntil(until);
    return this.#broker.semaphores.acquire({
      scope: this.#scope,
      maxTokens: this.#maxTokens,
      holder: holderName(holder),
      untilMs: deadlineMs,
    });
  }

  /**
   * Releases a task's token.
   *
   * @throws TaskCenterError `token-not-held` (also if the token had expired; rarely, if it was released but the broker's
   *   first answer was lost), `broker-unavailable`
   */
  async release(holder: TokenHolder): Promise<void> {
    if (await this.#broker.semaphores.release(this.#scope, holderName(holder))) return;
    throw new TaskCenterError('token-not-held', { id: holder.id, scope: this.#scope });
  }
}

/** The name of the holder in the broker: the task's stored ID, as in Asynq. */
function holderName(holder: TokenHolder): string {
  const { id, meta } = checkHolder(holder);
  return storedTaskId(id, meta?.business ?? null);
}
