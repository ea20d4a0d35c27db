import type { Step } from '../../../broker/maintain.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import type { RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { Script } from '../client/script.ts';
import type { Refusal } from '../scripts/reply.ts';
import { createReportWrongType, isRefusal } from './refusals.ts';

const MAX_BATCH = 256;
/** What a master that is away may take of the time of the queues on the others, ms. */
const PATIENCE: RunOptions = { timeoutMs: 1_500 };

/** Runs a script once per step, all at once; a queue that cannot be used stops none of the others. */
export function createEachQueue({ client, runtime }: RedisDeps) {
  const complain = createReportWrongType(runtime);

  async function one<C extends Step, R>(script: Script<C, R | Refusal>, call: C, options: RunOptions) {
    const limit = Math.min(MAX_BATCH, call.limit);
    const reply = await client.run(script, { ...call, limit }, options);
    if (isRefusal(reply) && 'corrupt' in reply) complain(call.queue, reply.corrupt);
    return reply;
  }

  return async <C extends Step, R>(
    script: Script<C, R | Refusal>,
    calls: readonly C[],
    none: R,
  ): Promise<R[]> => {
    const spread = client.clustered && calls.length > 1;
    const results = await Promise.allSettled(calls.map((call) => one(script, call, spread ? PATIENCE : {})));
    const answered = results.some(({ status }) => status === 'fulfilled');
    return results.map((result, i) => {
      if (result.status === 'fulfilled') return isRefusal(result.value) ? none : result.value;
      const { reason } = result as { reason: unknown };
      if (!spread || !answered || !isTaskCenterError(reason, 'broker-unavailable')) throw reason;
      runtime.log.warn(
        { err: reason, queue: calls[i]?.queue },
        'a queue could not be looked after; trying again',
      );
      return none;
    });
  };
}
