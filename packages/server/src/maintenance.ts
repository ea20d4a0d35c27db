import { createMaintenance, logicalQueue, type Broker, type Runtime } from '@task-center/engine';
import { createQueueSearch } from './queue-search.ts';

/**
 * The role `scheduler` in a process without a callback worker: keeps all callback queues moving. It makes due tasks
 * pending, recovers tasks whose lease expired and removes expired ones. A callback worker does the same itself.
 */
export interface MaintenanceRole {
  start(): void;
  stop(): Promise<void>;
}

/** Creates the role; it does nothing before `start`. */
export function createMaintenanceRole({
  broker,
  runtime,
}: {
  readonly broker: Broker;
  readonly runtime: Runtime;
}): MaintenanceRole {
  let queues: readonly string[] = [];
  const maintenance = createMaintenance({ broker, queues: () => queues, runtime });
  const search = createQueueSearch({
    name: 'scheduler-queues',
    broker,
    runtime,
    onFound(stored) {
      const found = stored.filter((name) => logicalQueue(name).kind === 'callback');
      const known = new Set(queues);
      const hasNew = found.some((name) => !known.has(name));
      queues = found;
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
