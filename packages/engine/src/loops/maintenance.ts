import { createForwarder, type LoopOverQueues } from './forwarder.ts';
import { createJanitor } from './janitor.ts';
import { createRecoverer } from './recoverer.ts';

/** The loops that keep queues in order. */
export interface Maintenance {
  start(): void;
  /** Runs the next step of every loop now. Call it after queues were added. */
  wake(): void;
  /** Resolves when the running steps have ended. */
  stop(): Promise<void>;
}

/** Creates forwarder, recoverer and janitor for the same queues. Any number of processes may run them; there is no leader. */
export function createMaintenance(deps: LoopOverQueues): Maintenance {
  const loops = [createForwarder(deps), createRecoverer(deps), createJanitor(deps)];
  return {
    start: () => loops.forEach((loop) => loop.start()),
    wake: () => loops.forEach((loop) => loop.wake()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
