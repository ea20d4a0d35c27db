import { control, createLoop, type Broker, type Loop, type Runtime } from '@task-center/engine';

const SEARCH_EVERY_MS = 2_000;

export interface QueueSearchDeps {
  /** The loop's name, for logs and events. */
  readonly name: string;
  readonly broker: Broker;
  readonly runtime: Runtime;
  /** Called after each search with the names of all stored queues, including those of handlers. */
  onFound(queues: readonly string[]): void;
}

/** Creates a loop that lists all stored queues, at its start and then every 2 s: other processes may have created some. */
export function createQueueSearch({ name, broker, runtime, onFound }: QueueSearchDeps): Loop {
  return createLoop({
    name,
    runtime,
    async step() {
      onFound(await control.listQueues(broker));
      return SEARCH_EVERY_MS;
    },
  });
}
