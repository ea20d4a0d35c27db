import type { Maintain, Recovered, Repaired } from '../../../broker/maintain.ts';
import type { RedisDeps } from '../deps.ts';
import { expire } from '../scripts/maintain/expire.ts';
import { forward } from '../scripts/maintain/forward.ts';
import { recover } from '../scripts/maintain/recover.ts';
import { repair, type MendedIndexes } from '../scripts/maintain/repair.ts';
import { quarantinedIn } from '../scripts/reply.ts';
import { sweep, type Swept } from '../scripts/maintain/sweep.ts';
import { createEachQueue } from '../calls/for-each-queue.ts';
import { createSend, createSorter } from '../exchange/exchange-call.ts';

/** Long enough to end Go's tasks; who is killed meanwhile leaves them to the next recoverer. */
const ORPHANS_LEASE_MS = 10_000;

const NOTHING_SWEPT: Swept = { recovered: 0, locks: 0, groups: 0, renamedKeys: [] };

/** What both looks at a queue have mended. */
function together(one: MendedIndexes, swept: Swept | undefined): Repaired {
  const { recovered = 0, locks = 0, groups = 0, renamedKeys = [] } = swept ?? {};
  return {
    ...one,
    recovered: one.recovered + recovered,
    locks,
    groups,
    renamedKeys: [...one.renamedKeys, ...renamedKeys],
  };
}

export function createMaintain(deps: RedisDeps): Maintain {
  const sort = createSorter(deps, createSend(deps));

  const each = createEachQueue(deps);

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
      const mended = await each(repair, steps, { recovered: 0, archived: 0, renamedKeys: [] });
      const swept = await each(sweep, steps, NOTHING_SWEPT);
      return mended.map((one, i) => together(one, swept[i]));
    },
  };
}
