import type { Step } from '../../../broker/maintain.ts';
import type { RedisParts } from '../parts.ts';
import type { Script } from '../script.ts';
import type { Refusal } from '../scripts/reply.ts';
import { createComplain, isRefusal } from './outcomes.ts';

const MOST_ITEMS = 256;

/** Runs a script once per step, all at once; a queue that cannot be used stops none of the others. */
export function createEachQueue({ connection, runtime }: RedisParts) {
  const complain = createComplain(runtime);
  return <C extends Step, R>(script: Script<C, R | Refusal>, calls: readonly C[], none: R): Promise<R[]> =>
    Promise.all(
      calls.map(async (call) => {
        const limit = Math.min(MOST_ITEMS, call.limit);
        const reply = await connection.run(script, { ...call, limit });
        if (!isRefusal(reply)) return reply;
        if ('corrupt' in reply) complain(call.queue, reply.corrupt);
        return none;
      }),
    );
}
