import type { Broker } from '../broker/broker.ts';
import type { KnownDue } from '../broker/signals.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { reportQuarantined } from './report-quarantined.ts';

export interface LoopOverQueues {
  readonly broker: Pick<Broker, 'maintain' | 'consume' | 'signals' | 'groups'>;
  /** Stored queues to look after; asked anew at each step. */
  queues(): readonly string[];
  readonly runtime: Runtime;
}

const LIMIT = 256;
/** Underneath the wake-ups (design D4). */
const POLL_MS = 1_000;

/** Moves due tasks to pending: sleeps until the next due time, woken when an earlier one arrives (design D5). */
export function createForwarder({ broker, queues, runtime }: LoopOverQueues): Loop {
  const { events, random } = runtime;
  let watch = new AbortController();

  function watchFor(known: readonly KnownDue[]): void {
    const { signal } = (watch = new AbortController());
    broker.signals.due(known, signal).then(
      () => {
        if (!signal.aborted) loop.wake();
      },
      // Signals never reject; if they did, the poll is still there.
      () => {},
    );
  }

  const loop: Loop = createLoop({
    name: 'forwarder',
    runtime,
    async step(signal) {
      const names = queues();
      const steps = names.map((queue) => ({ queue, limit: LIMIT }));
      const results = await broker.maintain.forward(steps);
      results.forEach(({ moved }, i) => {
        if (moved > 0) events.emit('tasks.forwarded', { queue: names[i] as string, moved });
      });
      reportQuarantined(runtime, steps, results);
      if (results.some(({ moved }) => moved === LIMIT)) return 0;
      watch.abort();
      if (!signal.aborted)
        watchFor(results.map(({ nextDueMs }, i) => ({ queue: names[i] as string, nextDueMs })));
      const poll = POLL_MS * (0.75 + random() / 2);
      return results.reduce((ms, { nextInMs }) => Math.min(ms, nextInMs ?? ms), poll);
    },
  });

  return {
    ...loop,
    async stop() {
      await loop.stop();
      watch.abort();
    },
  };
}
