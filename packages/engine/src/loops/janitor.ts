import { MAX_BATCH } from '../broker/bounds.ts';
import type { Repaired, Step } from '../broker/maintain.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { LoopOverQueues } from './forwarder.ts';

/** Time between two sweeps, as in Asynq. */
const SWEEP_INTERVAL_MS = 8_000;

const hasRepairs = ({ renamedKeys, ...counts }: Repaired): boolean =>
  renamedKeys.length > 0 || Object.values(counts).some((count) => count > 0);

/**
 * Removes finished tasks whose retention is over, puts tasks of abandoned aggregation sets back into their groups, and
 * repairs what crashed or foreign processes left behind.
 */
export function createJanitor({ broker: { maintain, groups }, queues, runtime }: LoopOverQueues): Loop {
  const { events, log } = runtime;

  /** Removes expired data. Returns whether there may be more. */
  async function remove(steps: readonly Step[]): Promise<boolean> {
    const removed = await maintain.expire(steps);
    removed.forEach((count, i) => {
      if (count > 0) events.emit('tasks.expired', { queue: steps[i]?.queue ?? '', removed: count });
    });
    return removed.some((count) => count >= MAX_BATCH);
  }

  async function repair(steps: readonly Step[]): Promise<void> {
    const repairs = await maintain.repair(steps);
    repairs.forEach((repaired, i) => {
      if (!hasRepairs(repaired)) return;
      const queue = steps[i]?.queue ?? '';
      events.emit('queue.repaired', { queue, ...repaired });
      log.warn({ queue, ...repaired }, 'a queue was repaired');
    });
  }

  return createLoop({
    name: 'janitor',
    runtime,
    async step() {
      const steps = queues().map((queue) => ({ queue, limit: MAX_BATCH }));
      const reclaimed = await groups.reclaim(steps);
      if ((await remove(steps)) || reclaimed.some((count) => count >= MAX_BATCH)) return 0;
      await repair(steps);
      return SWEEP_INTERVAL_MS;
    },
  });
}
