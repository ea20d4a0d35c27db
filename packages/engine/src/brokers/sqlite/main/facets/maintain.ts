// The maintain facet on the main thread: turns its methods into requests of the writer thread.
import type { Maintain, Repaired, Step } from '../../../../broker/maintain.ts';
import type { StepRow } from '../../thread/facets/maintain.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

const NOTHING_REPAIRED: Repaired = { recovered: 0, archived: 0, locks: 0, groups: 0, renamedKeys: [] };

const stepRows = (steps: readonly Step[]): StepRow[] => steps.map(({ queue, limit }) => [queue, limit]);

export function createMaintain(writer: Writer): Maintain {
  return {
    async recover(steps, maxCrashes) {
      const { data } = await writer.run('recover', plain({ steps: stepRows(steps), maxCrashes }));
      return data.map(([recovered, archived]) => ({ recovered, archived, orphans: [] }));
    },

    async forward(steps) {
      const { data } = await writer.run('forward', plain(stepRows(steps)));
      return data.outcomes.map(([moved, nextDueMs]) => {
        const nextInMs = nextDueMs === null ? null : Math.max(0, nextDueMs - data.nowMs);
        return { moved, nextDueMs, nextInMs };
      });
    },

    async expire(steps) {
      return [...(await writer.run('expire', plain(stepRows(steps)))).data];
    },

    // There is nothing to repair: no other program writes to the file, and a transaction is written whole or not at all.
    repair: (steps) => Promise.resolve(steps.map(() => NOTHING_REPAIRED)),
  };
}
