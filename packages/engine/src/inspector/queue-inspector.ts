import type { Broker } from '../broker/broker.ts';
import type { DayCounts, GroupSize } from '../broker/inspect.ts';
import * as control from '../control/index.ts';
import type { QueueInfo, RemoveQueueOptions } from '../control/index.ts';

/**
 * Shows queues, and pauses, resumes or removes them.
 *
 * A queue that was never used, or that was removed, is refused with `queue-not-found`.
 */
export class QueueInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The names of all stored queues, sorted. */
  list(): Promise<string[]> {
    return control.listQueues(this.#broker);
  }

  /**
   * All queues by name with their counts, settings and figures, for `for await`. Each is read when its turn comes. One that is
   * removed meanwhile is left out, and so is one that is new.
   */
  iterate(): AsyncGenerator<QueueInfo, void, undefined> {
    return control.iterateQueues(this.#broker);
  }

  /** Counts, settings and figures of a queue. @throws TaskCenterError `queue-not-found` */
  get(queue: string): Promise<QueueInfo> {
    return control.getQueue(this.#broker, queue);
  }

  /**
   * The attempts that ended on each of the last days (UTC), today first.
   *
   * @param days 1 to 90
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  history(queue: string, days: number): Promise<DayCounts[]> {
    return control.getHistory(this.#broker, queue, days);
  }

  /** The groups that have tasks, each with the number of its tasks. @throws TaskCenterError `queue-not-found` */
  groups(queue: string): Promise<GroupSize[]> {
    return control.listGroups(this.#broker, queue);
  }

  /** Workers take no further tasks; running attempts go on. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
  pause(queue: string, reason?: string): Promise<void> {
    return control.pauseQueue(this.#broker, queue, reason);
  }

  /** Workers take tasks from the queue again. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
  resume(queue: string): Promise<void> {
    return control.resumeQueue(this.#broker, queue);
  }

  /**
   * Removes a queue with its counters, its settings and its completed tasks. With `force` it removes all other tasks,
   * too, and fails only if one is active; the queue is paused meanwhile. A client that uses the queue again recreates it.
   *
   * @throws TaskCenterError `queue-not-found`, `queue-not-empty`
   */
  remove(queue: string, options: RemoveQueueOptions = {}): Promise<void> {
    return control.removeQueue(this.#broker, queue, options);
  }
}
