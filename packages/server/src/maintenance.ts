import { createLoop, createMaintenance, logicalQueue, type Broker, type Runtime } from '@task-center/engine';

/** Keeps the callback queues in order where no callback worker of this process does. */
export interface Maintenance {
  start(): void;
  stop(): Promise<void>;
}

/** How long a queue that another process made may stay unnoticed. */
const LOOK_MS = 2_000;

export function createMaintenanceRole({
  broker,
  runtime,
}: {
  readonly broker: Broker;
  readonly runtime: Runtime;
}): Maintenance {
  let queues: readonly string[] = [];
  const maintenance = createMaintenance({ broker, queues: () => queues, runtime });
  const look = createLoop({
    name: 'scheduler-queues',
    runtime,
    async step() {
      const found = (await broker.inspect.queues()).filter((name) => logicalQueue(name).kind === 'callback');
      const grown = found.some((name) => !queues.includes(name));
      queues = found;
      if (grown) maintenance.wake();
      return LOOK_MS;
    },
  });
  return {
    start() {
      look.start();
      maintenance.start();
    },
    async stop() {
      await Promise.all([look.stop(), maintenance.stop()]);
    },
  };
}
