import {
  control,
  createLoop,
  createMaintenance,
  logicalQueue,
  type Broker,
  type Runtime,
} from '@task-center/engine';

/**
 * The role `scheduler` in a process without a callback worker: keeps all callback queues moving. It makes due tasks
 * pending, recovers tasks whose lease expired and removes expired ones. A callback worker does the same itself.
 */
export interface MaintenanceRole {
  start(): void;
  stop(): Promise<void>;
}

/** Interval of the search for queues that other processes created. */
const REFRESH_MS = 2_000;

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
  const refresher = createLoop({
    name: 'scheduler-queues',
    runtime,
    async step() {
      const found = (await control.listQueues(broker)).filter(
        (name) => logicalQueue(name).kind === 'callback',
      );
      const hasNew = found.some((name) => !queues.includes(name));
      queues = found;
      if (hasNew) maintenance.wake();
      return REFRESH_MS;
    },
  });
  return {
    start() {
      refresher.start();
      maintenance.start();
    },
    async stop() {
      await Promise.all([refresher.stop(), maintenance.stop()]);
    },
  };
}
