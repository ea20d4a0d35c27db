import type { Maintain, Recovered, Step } from '../../../broker/maintain.ts';
import type { RedisParts } from '../parts.ts';
import type { Script } from '../script.ts';
import { expire } from '../scripts/expire.ts';
import { forward } from '../scripts/forward.ts';
import { recover } from '../scripts/recover.ts';
import { repair } from '../scripts/repair.ts';
import { quarantinedIn, type Refusal } from '../scripts/reply.ts';
import { sweep } from '../scripts/sweep.ts';
import { createComplain, isRefusal } from './outcomes.ts';
import { createSend, createSorter } from './turn-call.ts';

const MOST_ITEMS = 256;

/** Long enough to end Go's tasks; who is killed meanwhile leaves them to the next recoverer. */
const ORPHANS_LEASE_MS = 10_000;

export function createMaintain(parts: RedisParts): Maintain {
  const { connection, runtime } = parts;
  const complain = createComplain(runtime);
  const sort = createSorter(parts, createSend(parts));

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
    async recover(steps, maxCrashes) {
      const calls = steps.map((step) => ({ ...step, maxCrashes, leaseMs: ORPHANS_LEASE_MS }));
      const replies = await each(recover, calls, null);
      return Promise.all(
        replies.map(async (reply): Promise<Recovered> => {
          if (reply === null) return { recovered: 0, archived: 0, orphans: [] };
          const { recovered, archived, ghosts, orphans } = reply;
          if (orphans.rows.length === 0) {
            return { recovered, archived, orphans: [], ...quarantinedIn(ghosts) };
          }
          const { tasks, quarantined } = await sort([orphans]);
          const unreadable = quarantined.flatMap(({ ids }) => ids);
          return {
            recovered,
            archived: archived + unreadable.length,
            orphans: tasks,
            ...quarantinedIn([...ghosts, ...unreadable]),
          };
        }),
      );
    },
    forward: (steps) => each(forward, steps, { moved: 0, nextDueMs: null, nextInMs: null }),
    expire: (steps) => each(expire, steps, 0),
    async repair(steps) {
      const mended = await each(repair, steps, { recovered: 0, archived: 0, aside: [] });
      const swept = await each(sweep, steps, { recovered: 0, locks: 0, groups: 0 });
      return mended.map((one, i) => {
        const { recovered = 0, locks = 0, groups = 0 } = swept[i] ?? {};
        return { ...one, recovered: one.recovered + recovered, locks, groups };
      });
    },
  };
}
