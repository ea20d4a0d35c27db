import { MAX_BATCH } from '../../../broker/bounds.ts';
import type { Step } from '../../../broker/maintain.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { mapBounded } from '../../../runtime/map-bounded.ts';
import type { RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { Script } from '../client/script.ts';
import type { Refusal } from '../scripts/reply.ts';
import { MAX_AT_ONCE, NODE_WAIT } from './over-queues.ts';
import { isRefusal, createReportWrongType } from './refusals.ts';

/**
 * Runs a maintenance script once per step, many at once. A queue with a key of a wrong type is reported, and a queue on a
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
    const options = isSpread ? NODE_WAIT : {};
    const results = await mapBounded(calls, MAX_AT_ONCE, async (call) => {
      const [result] = await Promise.allSettled([runStep(script, call, options)]);
      return result;
    });
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
