import { createForwarder, type LoopOverQueues } from './forwarder.ts';
import { createJanitor } from './janitor.ts';
import { createRecoverer } from './recoverer.ts';

/** All that keeps queues in order, as one thing to start and stop. */
export interface Maintenance {
  start(): void;
  /** Brings every loop's next step forward, after the set of queues has grown. */
  wake(): void;
  stop(): Promise<void>;
}

/** Forwarder, recoverer and janitor over the same queues. Any number of processes may run them: there is no leader. */
export function createMaintenance(parts: LoopOverQueues): Maintenance {
  const loops = [createForwarder(parts), createRecoverer(parts), createJanitor(parts)];
  return {
    start: () => loops.forEach((loop) => loop.start()),
    wake: () => loops.forEach((loop) => loop.wake()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
