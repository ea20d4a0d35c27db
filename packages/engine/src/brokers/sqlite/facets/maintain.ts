import type { Maintain, Step } from '../../../broker/maintain.ts';
import type { StepRow } from '../operations/maintain.ts';
import { plain } from '../packing.ts';
import type { Writer } from '../writer.ts';

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
  };
}
