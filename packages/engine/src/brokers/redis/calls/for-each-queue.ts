import { MAX_BATCH } from '../../../broker/bounds.ts';
import type { Step } from '../../../broker/maintain.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import type { RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { Script } from '../client/script.ts';
import type { Refusal } from '../scripts/reply.ts';
import { isRefusal, createReportWrongType } from './refusals.ts';

/** In a cluster: how long the queues on other masters wait for a master that is down. */
const CLUSTER_OPTIONS: RunOptions = { timeoutMs: 1_500 };

/**
 * Runs a maintenance script once per step, all at once. A queue with a key of a wrong type is reported, and a queue on a
 * master that is down is logged; both get the result `none`, and the other queues go on.
 */
export function createForEachQueue({ client, runtime }: RedisDeps) {
  const reportWrongType = createReportWrongType(runtime);

  async function runStep<C extends Step, R>(script: Script<C, R | Refusal>, call: C, options: RunOptions) {
    const limit = Math.min(MAX_BATCH, call.limit);
    const reply = await client.run(script, { ...call, limit }, options);
    if (isRefusal(reply) && 'corrupt' in reply) reportWrongType(call.queue, reply.corrupt);
    return reply;
  }

  return async <C extends Step, R>(
    script: Script<C, R | Refusal>,
    calls: readonly C[],
    none: R,
  ): Promise<R[]> => {
    const isSpread = client.isClustered && calls.length > 1;
    const results = await Promise.allSettled(
      calls.map((call) => runStep(script, call, isSpread ? CLUSTER_OPTIONS : {})),
    );
    const hasAnswer = results.some(({ status }) => status === 'fulfilled');
    return results.map((result, i) => {
      if (result.status === 'fulfilled') return isRefusal(result.value) ? none : result.value;
      const { reason } = result as { reason: unknown };
      // If no queue was reached, the broker itself is down: the loop above must know.
      if (!isSpread || !hasAnswer || !isTaskCenterError(reason, 'broker-unavailable')) throw reason;
      runtime.log.warn(
        { err: reason, queue: calls[i]?.queue },
        'maintenance of a queue failed; trying again',
      );
      return none;
    });
  };
}
