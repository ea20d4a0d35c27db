/** Tells the callback worker which queues to serve: those in the broker's list, and those that were added since. */
import type { Clock, Worker } from '@task-center/engine';
import { callbackQueues } from './queue-order.ts';

/** A list of thousands of queues takes some ms to make: while new ones keep coming, one is made in this time. */
const MIN_INTERVAL_MS = 50;

export interface QueueUpdates {
  /** Serves a stored queue soon. One that is served already costs nothing: it is told of with each task. */
  add(queue: string): void;
  /** Replaces the list with a newer one from the broker. */
  replaceListed(queues: readonly string[]): void;
  stop(): void;
}

const isEqual = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((name, i) => name === others[i]);

export function createQueueUpdates(
  worker: Pick<Worker, 'setQueues'>,
  clock: Pick<Clock, 'after' | 'monotonicMs'>,
): QueueUpdates {
  /** Stored queues that were added and are not yet in the broker's list. */
  const added = new Set<string>();
  let listed: readonly string[] = [];
  let served = callbackQueues([]);
  let known = new Set(served);
  let planned: ReturnType<Clock['after']> | undefined;
  let updatedMs = -Infinity;

  /** Gives the worker a new list of queues if it has changed. */
  function update(): void {
    planned?.cancel();
    planned = undefined;
    updatedMs = clock.monotonicMs();
    const queues = callbackQueues([...listed, ...added]);
    // What cannot be served is known as well: it must not be looked at again with each task.
    known = new Set([...queues, ...listed, ...added]);
    if (isEqual(queues, served)) return;
    served = queues;
    worker.setQueues(queues);
  }

  return {
    add(queue) {
      if (known.has(queue) || added.has(queue)) return;
      added.add(queue);
      planned ??= clock.after(Math.max(0, updatedMs + MIN_INTERVAL_MS - clock.monotonicMs()), update);
    },
    replaceListed(queues) {
      if (added.size === 0 && isEqual(queues, listed)) return;
      listed = queues;
      for (const queue of queues) added.delete(queue);
      update();
    },
    stop: () => planned?.cancel(),
  };
}
