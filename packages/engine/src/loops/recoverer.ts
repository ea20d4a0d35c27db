import { createLoop, type Loop } from '../runtime/loop.ts';
import type { LoopOverQueues } from './forwarder.ts';

const LIMIT = 100;
/** Time between scans: part of the sums of reliability F.1. */
const SCAN_MS = 750;
/** A task that took this many workers with it is poison (reliability F.1). */
const MAX_CRASHES = 3;

/** Takes back what dead workers held. */
export function createRecoverer({ broker, queues, runtime }: LoopOverQueues): Loop {
  return createLoop({
    name: 'recoverer',
    runtime,
    async step() {
      const names = queues();
      const steps = names.map((queue) => ({ queue, limit: LIMIT }));
      const results = await broker.maintain.recover(steps, MAX_CRASHES);
      results.forEach((result, i) => {
        if (result.recovered + result.archived === 0) return;
        runtime.events.emit('tasks.recovered', { queue: names[i] as string, ...result });
        runtime.log.warn({ queue: names[i], ...result }, 'tasks were recovered from a lost worker');
      });
      return results.some(({ recovered, archived }) => recovered + archived === LIMIT) ? 0 : SCAN_MS;
    },
  });
}
