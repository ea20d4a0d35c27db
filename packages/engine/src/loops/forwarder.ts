import { MAX_BATCH } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { reportQuarantinedBy } from './report-quarantined.ts';

/** What each loop of maintenance needs. */
export interface LoopOverQueues {
  readonly broker: Pick<Broker, 'maintain' | 'consume' | 'signals' | 'groups'>;
  /** Stored queues to keep in order. Called at each step. */
  queues(): readonly string[];
  readonly runtime: Runtime;
}

/** Mean time between two steps without a wake-up: wake-ups may be lost. */
const FORWARD_POLL_MS = 1_000;

/**
 * Makes due tasks pending. Sleeps until the next due time, and wakes when an earlier one is enqueued:
 * docs/design/engine.md#delays.
 */
export function createForwarder({ broker, queues, runtime }: LoopOverQueues): Loop {
  const { events, random } = runtime;

  return createLoop({
    name: 'forwarder',
    runtime,
    async step() {
      const names = queues();
      const steps = names.map((queue) => ({ queue, limit: MAX_BATCH }));
      const results = await broker.maintain.forward(steps);
      results.forEach(({ moved }, i) => {
        if (moved > 0) events.emit('tasks.forwarded', { queue: names[i] as string, moved });
      });
      reportQuarantinedBy(runtime, steps, results);
      if (results.some(({ moved }) => moved === MAX_BATCH)) return 0;
      const known = results.map(({ nextDueMs }, i) => ({ queue: names[i] as string, nextDueMs }));
      // Spread, because many processes poll the same broker.
      const pollMs = FORWARD_POLL_MS * (0.75 + random() / 2);
      return {
        ms: results.reduce((ms, { nextInMs }) => Math.min(ms, nextInMs ?? ms), pollMs),
        // Something was enqueued that is due earlier than is known now.
        until: (signal) => broker.signals.waitForDue(known, signal),
      };
    },
  });
}
