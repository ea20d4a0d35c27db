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
import { changeAll, type BulkOptions } from './change-all.ts';
import { queueInfo, type QueueInfo } from './queue-info.ts';
import {
  listEnqueueEvents,
  listSchedulerEntries,
  type EventPageOptions,
  type SchedulerEntry,
} from './scheduler-entries.ts';
import type { EnqueueEvent } from '../broker/scheduler-entries.ts';
import { removeQueue, type RemoveQueueOptions } from './remove-queue.ts';

/** A task by its own ID. */
export interface TaskAddress {
  readonly queue: string;
  readonly id: string;
  /** Whom it belongs to, if it was enqueued with a `businessId`. */
  readonly businessId?: string;
}

export interface PageOptions {
  /** 1 to 500. Default 30. */
  readonly limit?: number;
  /** From the page before. Default: the first page. */
  readonly cursor?: string | null;
  /** Needed with the state `aggregating`: tasks of this group. */
  readonly group?: string;
}

const PAGE = 30;
const MAX_DAYS = 90;
const MAX_PAYLOAD_BYTES = 4 * 1_024 * 1_024;
/** What can be done in other states, for messages. */
const ALLOWED = {
  run: ['scheduled', 'retry', 'completed', 'cancelled', 'archived', 'aggregating'],
  archive: ['scheduled', 'pending', 'retry', 'completed', 'cancelled', 'aggregating'],
  remove: ['in any state but active'],
  updatePayload: ['scheduled'],
} as const;

const refOf = ({ queue, id, businessId }: TaskAddress): TaskRef => ({
  queue,
  id: storedTaskId(id, businessId ?? null),
});

/**
 * Looks at queues and tasks, and acts on them: what people do. Any number may be used beside clients and workers.
 * Operations on many tasks work in short steps, so that a queue of a million tasks holds nobody up.
 *
 * Operations that name a queue throw `queue-not-found` for one that was never used or was removed.
 */
export class Inspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Names of all queues, sorted. */
  queues(): Promise<string[]> {
    return this.#broker.inspect.queues();
  }

  /** Counts, settings and figures of a queue. @throws TaskCenterError `queue-not-found` */
  async queue(queue: string): Promise<QueueInfo> {
    await this.#known(queue);
    const { inspect } = this.#broker;
    const [[facts], [today], memoryUsage] = await Promise.all([
      inspect.queueFacts([queue]),
      inspect.history(queue, 1),
      inspect.memoryUsage(queue),
    ]);
    return queueInfo(facts!, today!, memoryUsage);
  }

  /**
   * What was processed on each of the last days (UTC), today first.
   *
   * @param days 1 to 90
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  async history(queue: string, days: number): Promise<DayCounts[]> {
    if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) {
      const expected = `a whole number from 1 to ${MAX_DAYS}`;
      throw new TaskCenterError('invalid-value', { name: 'days', got: String(days), expected });
    }
    await this.#known(queue);
    return this.#broker.inspect.history(queue, days);
  }

  /** Groups with tasks and how many each has. @throws TaskCenterError `queue-not-found` */
  async groups(queue: string): Promise<GroupSize[]> {
    await this.#known(queue);
    return this.#broker.inspect.groups(queue);
  }

  /** Workers take nothing more from it. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
  async pause(queue: string, reason?: string): Promise<void> {
    await this.#known(queue);
    if (await this.#broker.control.pause(queue, reason)) return;
    throw new TaskCenterError('pause-unchanged', { queue, paused: true });
  }

  /** Workers take tasks from it again. @throws TaskCenterError `queue-not-found`, `pause-unchanged` */
  async resume(queue: string): Promise<void> {
    await this.#known(queue);
    if (await this.#broker.control.resume(queue)) return;
    throw new TaskCenterError('pause-unchanged', { queue, paused: false });
  }

  /**
   * A page of the tasks in a state. pending: next to run first; scheduled, retry: earliest first; completed: soonest
   * to be removed first; others: oldest first.
   *
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  async list(queue: string, state: ListedState, options: PageOptions = {}): Promise<TaskPage> {
    const { limit = PAGE, cursor = null, group } = options;
    if (state === 'aggregating' && group === undefined) {
      const expected = 'the name of a group';
      throw new TaskCenterError('invalid-value', { name: 'group', got: 'nothing', expected });
    }
    await this.#known(queue);
    const request = { queue, state, limit, cursor, ...(group !== undefined && { group }) };
    return this.#broker.inspect.list(request);
  }

  /** Everything known of a task. @throws TaskCenterError `queue-not-found`, `task-not-found` */
  async task(address: TaskAddress): Promise<TaskRecord> {
    await this.#known(address.queue);
    const record = await this.#broker.inspect.task(refOf(address));
    if (record) return record;
    throw new TaskCenterError('task-not-found', { queue: address.queue, id: address.id });
  }

  /**
   * Has a task run now: it becomes the last of pending.
   *
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  run(address: TaskAddress): Promise<void> {
    return this.#act(address, 'run', (ref) => this.#broker.control.run(ref));
  }

  /**
   * A task will not run any more; it stays to be looked at.
   *
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  archive(address: TaskAddress): Promise<void> {
    return this.#act(address, 'archive', (ref) => this.#broker.control.archive(ref));
  }

  /**
   * Removes a task and its unique lock.
   *
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  remove(address: TaskAddress): Promise<void> {
    return this.#act(address, 'remove', (ref) => this.#broker.control.remove(ref));
  }

  /**
   * Gives a scheduled task another payload; all else stays, its unique lock too.
   *
   * @param payload bytes are kept as they are, anything else becomes JSON; left out = none. At most 4 MiB.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`, `payload-too-large`
   */
  updatePayload(address: TaskAddress, payload?: unknown): Promise<void> {
    const bytes = encodeContent(payload);
    if (bytes && bytes.length > MAX_PAYLOAD_BYTES) {
      throw new TaskCenterError('payload-too-large', { got: bytes.length, limit: MAX_PAYLOAD_BYTES });
    }
    return this.#act(address, 'updatePayload', (ref) => this.#broker.control.updatePayload(ref, bytes));
  }

  /**
   * Asks the worker that runs a task, ours or a Go server, to stop it: the attempt fails with `context canceled`, and the
   * task is retried or archived as after any failure. Resolves when it is said; nobody tells whether somebody heard it.
   * The message has no queue: the same ID in two queues is stopped in both.
   *
   * @param id the task's own ID
   * @param businessId whom it belongs to, if it was enqueued with one
   * @throws TaskCenterError `broker-unavailable`
   */
  cancel(id: string, businessId?: string): Promise<void> {
    return this.#broker.signals.cancel([storedTaskId(id, businessId ?? null)]);
  }

  /** What schedulers here will enqueue, ours and Go's: the next to fire first. */
  schedulerEntries(): Promise<SchedulerEntry[]> {
    return listSchedulerEntries(this.#broker);
  }

  /**
   * The tasks that an entry of a scheduler has enqueued, newest first; of an entry that is not known, none. At most the
   * last 1,000 are kept, and none once the entry is gone.
   *
   * @throws TaskCenterError `invalid-value`
   */
  enqueueEvents(entryId: string, options: EventPageOptions = {}): Promise<EnqueueEvent[]> {
    return listEnqueueEvents(this.#broker, entryId, options);
  }

  /** Who works here now, by host and process, each with its tasks in progress (at most 1,000 servers). */
  async servers(): Promise<ServerRecord[]> {
    const servers = await this.#broker.presence.servers();
    return servers.sort((a, b) => {
      if (a.host !== b.host) return a.host < b.host ? -1 : 1;
      return a.pid - b.pid || (a.id < b.id ? -1 : 1);
    });
  }

  /** Has all tasks of a state run now; resolves to how many. @throws TaskCenterError `queue-not-found` */
  async runAll(
    queue: string,
    state: Exclude<BulkState, 'pending'>,
    options: BulkOptions = {},
  ): Promise<number> {
    await this.#known(queue);
    return changeAll(this.#broker, { queue, action: 'run', state, options });
  }

  /** Archives all tasks of a state; resolves to how many. @throws TaskCenterError `queue-not-found` */
  async archiveAll(
    queue: string,
    state: Exclude<BulkState, 'archived'>,
    options: BulkOptions = {},
  ): Promise<number> {
    await this.#known(queue);
    return changeAll(this.#broker, { queue, action: 'archive', state, options });
  }

  /**
   * Removes all tasks of a state and their unique locks; resolves to how many. `completed`: cancelled ones, too.
   *
   * @throws TaskCenterError `queue-not-found`
   */
  async removeAll(queue: string, state: BulkState, options: BulkOptions = {}): Promise<number> {
    await this.#known(queue);
    return changeAll(this.#broker, { queue, action: 'remove', state, options });
  }

  /**
   * Removes a queue with its counters and settings, and what has completed in it. With `force` with all of its tasks,
   * unless one is active; it is paused meanwhile. A queue that is used again is there again.
   *
   * @throws TaskCenterError `queue-not-found`, `queue-not-empty`
   */
  async removeQueue(queue: string, options: RemoveQueueOptions = {}): Promise<void> {
    await this.#known(queue);
    await removeQueue(this.#broker, queue, options);
  }

  /** The slot of a cluster that a queue lies in, 0 to 16383. @throws TaskCenterError `not-a-cluster` */
  async clusterKeySlot(queue: string): Promise<number> {
    return this.#cluster().keySlot(queue);
  }

  /** The servers that have a queue, the master first. @throws TaskCenterError `not-a-cluster` */
  async clusterNodes(queue: string): Promise<ClusterNode[]> {
    return this.#cluster().nodes(queue);
  }

  /** The cluster's own figures by name, such as `cluster_state`. @throws TaskCenterError `not-a-cluster` */
  async clusterInfo(): Promise<Readonly<Record<string, string>>> {
    return this.#cluster().info();
  }

  #cluster(): ClusterView {
    const { cluster, name } = this.#broker;
    if (cluster) return cluster;
    throw new TaskCenterError('not-a-cluster', { broker: name });
  }

  async #known(queue: string): Promise<void> {
    if (await this.#broker.inspect.exists(queue)) return;
    throw new TaskCenterError('queue-not-found', { queue });
  }

  async #act(
    address: TaskAddress,
    what: keyof typeof ALLOWED,
    act: (ref: TaskRef) => Promise<ControlOutcome>,
  ): Promise<void> {
    const { queue, id } = address;
    await this.#known(queue);
    const outcome = await act(refOf(address));
    if (outcome.code === 'task-not-found') throw new TaskCenterError('task-not-found', { queue, id });
    if (outcome.code === 'done') return;
    throw new TaskCenterError('wrong-state', { queue, id, state: outcome.state, allowed: ALLOWED[what] });
  }
}
