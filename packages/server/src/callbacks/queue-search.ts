import { control, createLoop, type Broker, type Loop, type Runtime } from '@task-center/engine';

const SEARCH_EVERY_MS = 2_000;

/** What the search needs. */
export interface QueueSearchDeps {
  /** The loop's name, for logs and events. */
  readonly name: string;
  readonly broker: Broker;
  readonly runtime: Runtime;
  /** Called after each search with the names of all stored queues, for handler tasks as well. */
  onFound(queues: readonly string[]): void;
}

/** A loop that looks for queues that other processes created: at its start, then every 2 s. */
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
