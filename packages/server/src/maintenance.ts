import { createMaintenance, logicalQueue, type Broker, type Runtime } from '@task-center/engine';
import { createQueueSearch } from './queue-search.ts';

/**
 * The role `scheduler`: fires the schedules of all queues, those of handlers included, as that only submits tasks. It also keeps
 * all callback queues moving: it makes due tasks pending, recovers tasks whose lease expired and removes expired ones. A callback
 * worker in the same process does all of that for callback queues itself.
 */
export interface MaintenanceRole {
  start(): void;
  stop(): Promise<void>;
}

/** Creates the role; it does nothing before `start`. */
export function createMaintenanceRole({
  broker,
  runtime,
  hasWorker,
  maxHistoryBytes,
}: {
  readonly broker: Broker;
  readonly runtime: Runtime;
  /** Whether the process has a callback worker. */
  readonly hasWorker: boolean;
  /** Bytes that the history may take in the broker. Default: the engine's. */
  readonly maxHistoryBytes?: number;
}): MaintenanceRole {
  let callbackQueues: readonly string[] = [];
  let allQueues: readonly string[] = [];
  const maintenance = createMaintenance({
    broker,
    queues: () => (hasWorker ? NONE : callbackQueues),
    firedQueues: () => allQueues,
    runtime,
    maxHistoryBytes,
  });
  const search = createQueueSearch({
    name: 'scheduler-queues',
    broker,
    runtime,
    onFound(stored) {
      const isCallback = (name: string) => logicalQueue(name).kind === 'callback';
      const found = hasWorker ? stored.filter((name) => !isCallback(name)) : stored;
      const known = new Set(allQueues);
      const hasNew = found.some((name) => !known.has(name));
      if (!hasNew && found.length === allQueues.length) return;
      allQueues = found;
      callbackQueues = stored.filter(isCallback);
      if (hasNew) maintenance.wake();
    },
  });
  return {
    start() {
      search.start();
      maintenance.start();
    },
    async stop() {
      await Promise.all([search.stop(), maintenance.stop()]);
    },
  };
}

const NONE: readonly string[] = [];
