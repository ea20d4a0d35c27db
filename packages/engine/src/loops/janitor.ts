import { createLoop, type Loop } from '../runtime/loop.ts';
import type { LoopOverQueues } from './forwarder.ts';

const LIMIT = 256;
/** As Asynq's (protocol 4.1). */
const SWEEP_MS = 8_000;

/** Removes finished tasks whose retention is over. */
export function createJanitor({ broker, queues, runtime }: LoopOverQueues): Loop {
  return createLoop({
    name: 'janitor',
    runtime,
    async step() {
      const names = queues();
      const removed = await broker.maintain.expire(names.map((queue) => ({ queue, limit: LIMIT })));
      removed.forEach((count, i) => {
        if (count > 0) runtime.events.emit('tasks.expired', { queue: names[i] as string, removed: count });
      });
      return removed.includes(LIMIT) ? 0 : SWEEP_MS;
    },
  });
}
