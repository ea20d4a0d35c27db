import { MAX_BATCH } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Needs } from './needs.ts';
import { reportQuarantinedBy } from './report-quarantined.ts';

/** What each loop of maintenance needs. */
export interface LoopOverQueues {
  readonly broker: Pick<Broker, 'maintain' | 'consume' | 'signals' | 'groups'>;
  readonly needs: Needs;
  readonly runtime: Runtime;
}

/** Longest sleep, however far the next due time is away. A survey that finds an earlier one wakes the loop. */
const MAX_SLEEP_MS = 60_000;

/**
 * Makes due tasks pending. Sleeps until the next due time, and wakes when an earlier one is enqueued:
 * docs/design/engine.md#delays.
 */
export function createForwarder({ broker, needs, runtime }: LoopOverQueues): Loop {
  const { events } = runtime;

  /** Returns whether a queue has more due tasks than one call moves. */
  async function forwardDue(): Promise<boolean> {
    const due = needs.due();
    if (due.length === 0) return false;
    const steps = due.map(({ queue }) => ({ queue, limit: MAX_BATCH }));
    const results = await broker.maintain.forward(steps);
    for (const [i, result] of results.entries()) {
      const queue = due[i]!;
      needs.recordForward(queue, result);
      const { moved, lateMs } = result;
      if (moved > 0) events.emit('tasks.forwarded', { queue: queue.queue, moved, lateMs });
    }
    reportQuarantinedBy(runtime, steps, results);
    return results.some(({ moved }) => moved === MAX_BATCH);
  }

  return createLoop({
    name: 'forwarder',
    runtime,
    async step() {
      if (await forwardDue()) return 0;
      const dueMs = needs.nextDueInMs();
      return {
        ms: Math.min(MAX_SLEEP_MS, dueMs),
        dueMs,
        // Something was enqueued that is due earlier than is known now.
        async until(signal) {
          for (const queue of await broker.signals.waitForDue(needs.all(), signal))
            needs.recordWakeUp(queue, broker.signals.nextDueOf(queue));
        },
      };
    },
  });
}
