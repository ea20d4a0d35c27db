// The maintain facet on Redis: the steps of forwarder, recoverer and janitor. Their scripts need no receipt: what a lost reply
// had taken is found again, the tasks of Go's workers when their short lease is over.
import type { Maintain, Recovered, Repaired, Surveyed } from '../../../broker/maintain.ts';
import type { RedisDeps } from '../deps.ts';
import {
  expire,
  forward,
  recover,
  repair,
  type RepairedIndexes,
  survey,
  sweep,
  type SweepReply,
  untidy,
} from '../scripts/maintain/table.ts';
import { quarantinedIn } from '../scripts/reply.ts';
import { createForEachQueue } from '../calls/for-each-queue.ts';
import { runOverReachableQueues } from '../calls/over-queues.ts';
import { createScheduleMender } from './schedule-mender.ts';
import { createSend, createRowDecoder } from '../exchange/exchange-call.ts';

/**
 * How long a recoverer leases Go's expired tasks to end them. If it is killed meanwhile, the lease expires and the next
 * recoverer takes them.
 */
const ORPHANS_LEASE_MS = 10_000;

const NOTHING_SWEPT: SweepReply = { recovered: 0, locks: 0, groups: 0, renamedKeys: [] };

/** Adds up what the scripts `repair` (indexes) and `sweep` (keys) have repaired in a queue. */
function mergeRepairs(repaired: RepairedIndexes, swept: SweepReply | undefined): Repaired {
  const { recovered = 0, locks = 0, groups = 0, renamedKeys = [] } = swept ?? {};
  return {
    ...repaired,
    recovered: repaired.recovered + recovered,
    locks,
    groups,
    renamedKeys: [...repaired.renamedKeys, ...renamedKeys],
  };
}

/** Queues in one call of the script on a single server, which takes less than a millisecond. */
const SURVEYED_AT_ONCE = 256;

/** The periodic work on queues: recovery, forwarding, expiry, repair. */
export function createMaintain(deps: RedisDeps): Maintain {
  const decodeRows = createRowDecoder(deps, createSend(deps));
  const eachQueue = createForEachQueue(deps);
  const mendSchedules = createScheduleMender(deps);

  return {
    survey: (queues) =>
      runOverReachableQueues<Surveyed | null>(deps.client, survey, {
        queues,
        perCall: SURVEYED_AT_ONCE,
        none: [null],
      }),
    findUntidy: (queues) =>
      runOverReachableQueues(deps.client, untidy, { queues, perCall: SURVEYED_AT_ONCE, none: [] }),
    /** Go's expired tasks come back leased to the caller, which must end them; unreadable ones have been archived. */
    async recover(steps, limits) {
      const calls = steps.map((step) => ({ ...step, limits, leaseMs: ORPHANS_LEASE_MS }));
      const replies = await eachQueue(recover, calls, null);
      return Promise.all(
        replies.map(async (reply): Promise<Recovered> => {
          if (reply === null) return { recovered: 0, archived: 0, orphans: [] };
          const { recovered, archived, dropped, orphans } = reply;
          if (orphans.rows.length === 0) {
            return { recovered, archived, orphans: [], ...quarantinedIn(dropped) };
          }
          // The caller decides by their messages how these tasks end. Scripts cannot decode messages.
          const { tasks, quarantined } = await decodeRows([orphans]);
          const unreadable = quarantined.flatMap(({ ids }) => ids);
          return {
            recovered,
            archived: archived + unreadable.length,
            orphans: tasks,
            ...quarantinedIn([...dropped, ...unreadable]),
          };
        }),
      );
    },
    /** The reply has the next due time, and how long until then by Redis' clock: the caller's clock may differ. */
    forward: (steps) => eachQueue(forward, steps, { moved: 0, lateMs: 0, nextDueMs: null, nextInMs: null }),
    expire: (steps) => eachQueue(expire, steps, 0),
    /** Indexes first: `sweep` refuses a queue with keys of a wrong type, which `repair` renames. */
    async repair(steps) {
      const indexes = await eachQueue(repair, steps, { recovered: 0, archived: 0, renamedKeys: [] });
      const swept = await eachQueue(sweep, steps, NOTHING_SWEPT);
      await mendSchedules(steps.map(({ queue }) => queue));
      return indexes.map((repaired, i) => mergeRepairs(repaired, swept[i]));
    },
  };
}
