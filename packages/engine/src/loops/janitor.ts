import type { Repaired, Step } from '../broker/maintain.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { LoopOverQueues } from './forwarder.ts';

const LIMIT = 256;
/** As Asynq's (protocol 4.1). */
const SWEEP_MS = 8_000;

const isMended = ({ renamedKeys, ...counts }: Repaired): boolean =>
  renamedKeys.length > 0 || Object.values(counts).some((count) => count > 0);

/**
 * Removes finished tasks whose retention is over, puts back tasks of groups that nobody went on aggregating, and mends
 * what others left behind.
 */
export function createJanitor({ broker: { maintain, groups }, queues, runtime }: LoopOverQueues): Loop {
  const { events, log } = runtime;

  /** Whether there may be more to remove. */
  async function remove(steps: readonly Step[]): Promise<boolean> {
    const removed = await maintain.expire(steps);
    removed.forEach((count, i) => {
      if (count > 0) events.emit('tasks.expired', { queue: steps[i]?.queue ?? '', removed: count });
    });
    return removed.some((count) => count >= LIMIT);
  }

  async function repair(steps: readonly Step[]): Promise<void> {
    const mended = await maintain.repair(steps);
    mended.forEach((one, i) => {
      if (!isMended(one)) return;
      const queue = steps[i]?.queue ?? '';
      events.emit('queue.repaired', { queue, ...one });
      log.warn({ queue, ...one }, 'a queue was repaired');
    });
  }

  return createLoop({
    name: 'janitor',
    runtime,
    async step() {
      const steps = queues().map((queue) => ({ queue, limit: LIMIT }));
      const back = await groups.reclaim(steps);
      if ((await remove(steps)) || back.some((count) => count >= LIMIT)) return 0;
      await repair(steps);
      return SWEEP_MS;
    },
  });
}
