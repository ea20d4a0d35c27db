import type { ListedState } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { ClusterNode } from '../broker/cluster.ts';
import type { BulkState } from '../broker/control.ts';
import type { DayCounts, GroupSize, TaskPage, TaskRecord } from '../broker/inspect.ts';
import type { ServerRecord } from '../broker/presence.ts';
import type { EnqueueEvent } from '../broker/scheduler-entries.ts';
import * as control from '../control/index.ts';
import type {
  BulkOptions,
  EventPageOptions,
  PageOptions,
  QueueInfo,
  RemoveQueueOptions,
  SchedulerEntry,
  TaskAddress,
} from '../control/index.ts';

/**
 * Shows queues and tasks, and changes them for an operator. Any number of inspectors may be used beside clients and
 * workers. An operation on many tasks works in steps of at most 256 tasks, and other calls run between the steps.
 *
 * Operations that name a queue throw `queue-not-found` for a queue that was never used or that was removed.
 */
export class Inspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The names of all stored queues, sorted. */
  queues(): Promise<string[]> {
    return control.listQueues(this.#broker);
  }

  /** Counts, settings and figures of a queue. @throws TaskCenterError `queue-not-found` */
  queue(queue: string): Promise<QueueInfo> {
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
   * A page of the tasks in a state. Pending tasks: the next to run first. Scheduled and retry: the earliest start
   * first. Completed: the soonest to expire first. Others: the oldest first.
   *
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  list(queue: string, state: ListedState, options: PageOptions = {}): Promise<TaskPage> {
    return control.listTasks(this.#broker, { ...options, queue, state });
  }

  /** The task with everything that is stored of it. @throws TaskCenterError `queue-not-found`, `task-not-found` */
  async task(address: TaskAddress): Promise<TaskRecord> {
    return control.getTask(this.#broker, await control.locateTask(this.#broker, address));
  }

  /**
   * Makes a task pending now, behind the tasks that are pending already. Its retries and its history stay.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  async run(address: TaskAddress): Promise<void> {
    await control.runTask(this.#broker, await control.locateTask(this.#broker, address));
  }

  /**
   * Archives a task: it does not run again until it is run by hand, and can still be inspected.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  async archive(address: TaskAddress): Promise<void> {
    await control.archiveTask(this.#broker, await control.locateTask(this.#broker, address));
  }

  /**
   * Removes a task and its unique lock.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  async remove(address: TaskAddress): Promise<void> {
    await control.removeTask(this.#broker, await control.locateTask(this.#broker, address));
  }

  /**
   * Replaces the payload of a scheduled task. Everything else stays, including a unique lock for the old payload.
   *
   * @param payload bytes are stored as they are, any other value as JSON; left out = no payload. At most 4 MiB.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`, `payload-too-large`
   */
  updatePayload(address: TaskAddress, payload?: unknown): Promise<void> {
    // Encoded before anything waits: the caller may change the value afterwards.
    const bytes = control.encodeNewPayload(payload);
    return control
      .locateTask(this.#broker, address)
      .then((task) => control.updateTaskPayload(this.#broker, task, bytes));
  }

  /**
   * Asks the worker that runs a task, ours or one in Go, to stop the attempt. The attempt then fails with `context
   * canceled`, and the task is retried or archived as after any failure. Resolves when the request is published; no
   * worker confirms it. The request does not name a queue: the same ID in two queues is stopped in both. See
   * docs/design/protocol.md#cancellation-channel.
   *
   * @param id the ID that `enqueue` took or returned
   * @param businessId the `businessId` it was enqueued with, if any
   * @throws TaskCenterError `broker-unavailable`
   */
  cancel(id: string, businessId?: string): Promise<void> {
    return control.publishAsynqCancel(this.#broker, id, businessId);
  }

  /** The periodic tasks of all running schedulers, ours and those in Go, the next to fire first. */
  schedulerEntries(): Promise<SchedulerEntry[]> {
    return control.listSchedulerEntries(this.#broker);
  }

  /**
   * The tasks that a scheduler's entry has enqueued, newest first; none for an unknown entry. The last 1,000 are kept,
   * until the entry ends.
   *
   * @throws TaskCenterError `invalid-value`
   */
  enqueueEvents(entryId: string, options: EventPageOptions = {}): Promise<EnqueueEvent[]> {
    return control.listEnqueueEvents(this.#broker, entryId, options);
  }

  /** The workers that run now, sorted by host and process, each with its tasks in progress; at most 1,000 workers. */
  servers(): Promise<ServerRecord[]> {
    return control.listServers(this.#broker);
  }

  /** Makes all tasks of a state pending; resolves to their number. @throws TaskCenterError `queue-not-found` */
  runAll(queue: string, state: Exclude<BulkState, 'pending'>, options: BulkOptions = {}): Promise<number> {
    return control.changeAll(this.#broker, { queue, action: 'run', state, options });
  }

  /** Archives all tasks of a state; resolves to their number. @throws TaskCenterError `queue-not-found` */
  archiveAll(
    queue: string,
    state: Exclude<BulkState, 'archived'>,
    options: BulkOptions = {},
  ): Promise<number> {
    return control.changeAll(this.#broker, { queue, action: 'archive', state, options });
  }

  /**
   * Removes all tasks of a state with their unique locks; resolves to their number. `completed` includes the cancelled
   * ones.
   * @throws TaskCenterError `queue-not-found`
   */
  removeAll(queue: string, state: BulkState, options: BulkOptions = {}): Promise<number> {
    return control.changeAll(this.#broker, { queue, action: 'remove', state, options });
  }

  /**
   * Removes a queue with its counters, its settings and its completed tasks. With `force` it removes all other tasks,
   * too, and fails only while one is active; the queue is paused meanwhile. A queue that is used again exists again.
   * @throws TaskCenterError `queue-not-found`, `queue-not-empty`
   */
  removeQueue(queue: string, options: RemoveQueueOptions = {}): Promise<void> {
    return control.removeQueue(this.#broker, queue, options);
  }

  /** The cluster slot that holds a queue, 0 to 16383. @throws TaskCenterError `not-a-cluster` */
  clusterKeySlot(queue: string): Promise<number> {
    return control.getClusterKeySlot(this.#broker, queue);
  }

  /** The nodes that hold a queue, the master first. @throws TaskCenterError `not-a-cluster` */
  clusterNodes(queue: string): Promise<ClusterNode[]> {
    return control.listClusterNodes(this.#broker, queue);
  }

  /** The fields of the cluster's `CLUSTER INFO`, such as `cluster_state`. @throws TaskCenterError `not-a-cluster` */
  clusterInfo(): Promise<Readonly<Record<string, string>>> {
    return control.getClusterInfo(this.#broker);
  }
}
