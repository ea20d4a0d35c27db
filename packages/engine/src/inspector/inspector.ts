import type { Broker } from '../broker/broker.ts';
import type { ClusterNode, ClusterView } from '../broker/cluster.ts';
import type { BulkState, ControlOutcome } from '../broker/control.ts';
import type { DayCounts, GroupSize, TaskPage, TaskRecord } from '../broker/inspect.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import type { ServerRecord } from '../broker/presence.ts';
import type { TaskRef } from '../runtime/events.ts';
import { encodeContent } from '../task/payload.ts';
import type { ListedState } from '../task/state.ts';
import { storedTaskId } from '../task/task-id.ts';
import { changeAll, type BulkOptions } from '../control/bulk.ts';
import { queueInfo, type QueueInfo } from '../control/queues.ts';
import {
  listEnqueueEvents,
  listSchedulerEntries,
  type EventPageOptions,
  type SchedulerEntry,
} from '../control/scheduler-entries.ts';
import type { EnqueueEvent } from '../broker/scheduler-entries.ts';
import { removeQueue, type RemoveQueueOptions } from '../control/remove-queue.ts';
import { refOf, type TaskAddress } from '../control/locate-task.ts';

/** Which page of a list. */
export interface PageOptions {
  /** Tasks per page, 1 to 500. Default 30. */
  readonly limit?: number;
  /** The `cursor` of the previous page. Default: the first page. */
  readonly cursor?: string | null;
  /** The group whose tasks are listed. Required with the state `aggregating`; other states ignore it. */
  readonly group?: string;
}

const DEFAULT_PAGE_SIZE = 30;
const MAX_DAYS = 90;
const MAX_PAYLOAD_BYTES = 4 * 1_024 * 1_024;
/** The states that allow an action, for the error that names them. */
const ALLOWED_STATES = {
  run: ['scheduled', 'retry', 'completed', 'cancelled', 'archived', 'aggregating'],
  archive: ['scheduled', 'pending', 'retry', 'completed', 'cancelled', 'aggregating'],
  remove: ['in any state but active'],
  updatePayload: ['scheduled'],
} as const;

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
    return this.#broker.inspect.queues();
  }

  /** Counts, settings and figures of a queue. @throws TaskCenterError `queue-not-found` */
  async queue(queue: string): Promise<QueueInfo> {
    await this.#checkKnown(queue);
    const { inspect } = this.#broker;
    const [[facts], [today], memoryUsage] = await Promise.all([
      inspect.queueFacts([queue]),
      inspect.history(queue, 1),
      inspect.memoryUsage(queue),
    ]);
    return queueInfo(facts!, today!, memoryUsage);
  }

  /**
   * The attempts that ended on each of the last days (UTC), today first.
   *
   * @param days 1 to 90
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  async history(queue: string, days: number): Promise<DayCounts[]> {
    if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) {
      const expected = `a whole number from 1 to ${MAX_DAYS}`;
      throw new TaskCenterError('invalid-value', { name: 'days', got: String(days), expected });
    }
    await this.#checkKnown(queue);
    return this.#broker.inspect.history(queue, days);
  }

  /** The groups that have tasks, each with the number of its tasks. @throws TaskCenterError `queue-not-found` */
  async groups(queue: string): Promise<GroupSize[]> {
    await this.#checkKnown(queue);
    return this.#broker.inspect.groups(queue);
  }

  /** Workers take no further tasks; running attempts go on. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
  async pause(queue: string, reason?: string): Promise<void> {
    await this.#checkKnown(queue);
    if (await this.#broker.control.pause(queue, reason)) return;
    throw new TaskCenterError('pause-unchanged', { queue, paused: true });
  }

  /** Workers take tasks from the queue again. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
  async resume(queue: string): Promise<void> {
    await this.#checkKnown(queue);
    if (await this.#broker.control.resume(queue)) return;
    throw new TaskCenterError('pause-unchanged', { queue, paused: false });
  }

  /**
   * A page of the tasks in a state. Pending tasks: the next to run first. Scheduled and retry: the earliest start
   * first. Completed: the soonest to expire first. Others: the oldest first.
   *
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  async list(queue: string, state: ListedState, options: PageOptions = {}): Promise<TaskPage> {
    const { limit = DEFAULT_PAGE_SIZE, cursor = null, group } = options;
    if (state === 'aggregating' && group === undefined) {
      const expected = 'the name of a group';
      throw new TaskCenterError('invalid-value', { name: 'group', got: 'nothing', expected });
    }
    await this.#checkKnown(queue);
    const request = { queue, state, limit, cursor, ...(group !== undefined && { group }) };
    return this.#broker.inspect.list(request);
  }

  /** The task with everything that is stored of it. @throws TaskCenterError `queue-not-found`, `task-not-found` */
  async task(address: TaskAddress): Promise<TaskRecord> {
    await this.#checkKnown(address.queue);
    const record = await this.#broker.inspect.task(refOf(address));
    if (record) return record;
    throw new TaskCenterError('task-not-found', { queue: address.queue, id: address.id });
  }

  /**
   * Makes a task pending now, behind the tasks that are pending already. Its retries and its history stay.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  run(address: TaskAddress): Promise<void> {
    return this.#change(address, 'run', (ref) => this.#broker.control.run(ref));
  }

  /**
   * Archives a task: it does not run again until it is run by hand, and can still be inspected.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  archive(address: TaskAddress): Promise<void> {
    return this.#change(address, 'archive', (ref) => this.#broker.control.archive(ref));
  }

  /**
   * Removes a task and its unique lock.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  remove(address: TaskAddress): Promise<void> {
    return this.#change(address, 'remove', (ref) => this.#broker.control.remove(ref));
  }

  /**
   * Replaces the payload of a scheduled task. Everything else stays, including a unique lock for the old payload.
   *
   * @param payload bytes are stored as they are, any other value as JSON; left out = no payload. At most 4 MiB.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`, `payload-too-large`
   */
  updatePayload(address: TaskAddress, payload?: unknown): Promise<void> {
    const bytes = encodeContent(payload);
    if (bytes && bytes.length > MAX_PAYLOAD_BYTES) {
      throw new TaskCenterError('payload-too-large', { got: bytes.length, limit: MAX_PAYLOAD_BYTES });
    }
    return this.#change(address, 'updatePayload', (ref) => this.#broker.control.updatePayload(ref, bytes));
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
    return this.#broker.signals.cancel([storedTaskId(id, businessId ?? null)]);
  }

  /** The periodic tasks of all running schedulers, ours and those in Go, the next to fire first. */
  schedulerEntries(): Promise<SchedulerEntry[]> {
    return listSchedulerEntries(this.#broker);
  }

  /**
   * The tasks that a scheduler's entry has enqueued, newest first; none for an unknown entry. The last 1,000 are kept,
   * until the entry ends.
   *
   * @throws TaskCenterError `invalid-value`
   */
  enqueueEvents(entryId: string, options: EventPageOptions = {}): Promise<EnqueueEvent[]> {
    return listEnqueueEvents(this.#broker, entryId, options);
  }

  /** The workers that run now, sorted by host and process, each with its tasks in progress; at most 1,000 workers. */
  async servers(): Promise<ServerRecord[]> {
    const servers = await this.#broker.presence.servers();
    return servers.sort((a, b) => {
      if (a.host !== b.host) return a.host < b.host ? -1 : 1;
      return a.pid - b.pid || (a.id < b.id ? -1 : 1);
    });
  }

  /** Makes all tasks of a state pending; resolves to their number. @throws TaskCenterError `queue-not-found` */
  async runAll(
    queue: string,
    state: Exclude<BulkState, 'pending'>,
    options: BulkOptions = {},
  ): Promise<number> {
    await this.#checkKnown(queue);
    return changeAll(this.#broker, { queue, action: 'run', state, options });
  }

  /** Archives all tasks of a state; resolves to their number. @throws TaskCenterError `queue-not-found` */
  async archiveAll(
    queue: string,
    state: Exclude<BulkState, 'archived'>,
    options: BulkOptions = {},
  ): Promise<number> {
    await this.#checkKnown(queue);
    return changeAll(this.#broker, { queue, action: 'archive', state, options });
  }

  /**
   * Removes all tasks of a state with their unique locks; resolves to their number. `completed` includes the cancelled
   * ones.
   * @throws TaskCenterError `queue-not-found`
   */
  async removeAll(queue: string, state: BulkState, options: BulkOptions = {}): Promise<number> {
    await this.#checkKnown(queue);
    return changeAll(this.#broker, { queue, action: 'remove', state, options });
  }

  /**
   * Removes a queue with its counters, its settings and its completed tasks. With `force` it removes all other tasks,
   * too, and fails only while one is active; the queue is paused meanwhile. A queue that is used again exists again.
   * @throws TaskCenterError `queue-not-found`, `queue-not-empty`
   */
  async removeQueue(queue: string, options: RemoveQueueOptions = {}): Promise<void> {
    await this.#checkKnown(queue);
    await removeQueue(this.#broker, queue, options);
  }

  /** The cluster slot that holds a queue, 0 to 16383. @throws TaskCenterError `not-a-cluster` */
  async clusterKeySlot(queue: string): Promise<number> {
    return this.#cluster().keySlot(queue);
  }

  /** The nodes that hold a queue, the master first. @throws TaskCenterError `not-a-cluster` */
  async clusterNodes(queue: string): Promise<ClusterNode[]> {
    return this.#cluster().nodes(queue);
  }

  /** The fields of the cluster's `CLUSTER INFO`, such as `cluster_state`. @throws TaskCenterError `not-a-cluster` */
  async clusterInfo(): Promise<Readonly<Record<string, string>>> {
    return this.#cluster().info();
  }

  #cluster(): ClusterView {
    const { cluster, name } = this.#broker;
    if (cluster) return cluster;
    throw new TaskCenterError('not-a-cluster', { broker: name });
  }

  async #checkKnown(queue: string): Promise<void> {
    if (await this.#broker.inspect.exists(queue)) return;
    throw new TaskCenterError('queue-not-found', { queue });
  }

  /** Runs an action on one task, and throws the error that fits its outcome. */
  async #change(
    address: TaskAddress,
    action: keyof typeof ALLOWED_STATES,
    change: (ref: TaskRef) => Promise<ControlOutcome>,
  ): Promise<void> {
    const { queue, id } = address;
    await this.#checkKnown(queue);
    const outcome = await change(refOf(address));
    if (outcome.code === 'task-not-found') throw new TaskCenterError('task-not-found', { queue, id });
    if (outcome.code === 'done') return;
    throw new TaskCenterError('wrong-state', {
      queue,
      id,
      state: outcome.state,
      allowed: ALLOWED_STATES[action],
    });
  }
}
