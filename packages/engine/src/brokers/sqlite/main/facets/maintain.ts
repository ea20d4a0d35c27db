// The maintain facet on the main thread: the steps of the loops as requests of the writer thread.
import type { Maintain, Repaired } from '../../../../broker/maintain.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** The report of a step that has nothing to do. */
const NOTHING_REPAIRED: Repaired = { recovered: 0, archived: 0, locks: 0, groups: 0, renamedKeys: [] };

export function createMaintain(writer: StoreCalls): Maintain {
  return {
    survey: (queues) => writer.ask('survey', queues),

    findUntidy: (queues) => writer.ask('findUntidy', queues),

    // No orphans: tasks without a retry left are archived in the thread.
    async recover(steps, limits) {
      const recoveries = await writer.ask('recover', { steps, limits });
      return recoveries.map((recovered) => ({ ...recovered, orphans: [] }));
    },

    async forward(steps) {
      const { outcomes, nowMs } = await writer.ask('forward', steps);
      // By the clock that found the next task: a test may have set it.
      return outcomes.map(({ moved, lateMs, nextDueMs }) => ({
        moved,
        lateMs,
        nextDueMs,
        nextInMs: nextDueMs === null ? null : Math.max(0, nextDueMs - nowMs),
      }));
    },

    expire: (steps) => writer.ask('expire', steps),

    // There is nothing to repair: no other program writes to the file, and a transaction is written whole or not at all.
    repair: (steps) => Promise.resolve(steps.map(() => NOTHING_REPAIRED)),
  };
}
