import type { Maintain, Step } from '../../../broker/maintain.ts';
import type { RedisParts } from '../parts.ts';
import type { Script } from '../script.ts';
import { expire } from '../scripts/expire.ts';
import { forward } from '../scripts/forward.ts';
import { recover } from '../scripts/recover.ts';
import type { Refusal } from '../scripts/reply.ts';
import { createComplain, isRefusal } from './outcomes.ts';

const MOST_ITEMS = 256;

export function createMaintain({ connection, runtime }: RedisParts): Maintain {
  const complain = createComplain(runtime);

  /** The script once per queue, all at once; a queue that cannot be used stops none of the others. */
  function each<C extends Step, R>(
    script: Script<C, R | Refusal>,
    calls: readonly C[],
    none: R,
  ): Promise<R[]> {
    return Promise.all(
      calls.map(async (call) => {
        const limit = Math.min(MOST_ITEMS, call.limit);
        const reply = await connection.run(script, { ...call, limit });
        if (!isRefusal(reply)) return reply;
        if ('corrupt' in reply) complain(call.queue, reply.corrupt);
        return none;
      }),
    );
  }

  return {
    recover: (steps, maxCrashes) =>
      each(
        recover,
        steps.map((step) => ({ ...step, maxCrashes })),
        { recovered: 0, archived: 0 },
      ),
    forward: (steps) => each(forward, steps, { moved: 0, nextDueMs: null, nextInMs: null }),
    expire: (steps) => each(expire, steps, 0),
  };
}
