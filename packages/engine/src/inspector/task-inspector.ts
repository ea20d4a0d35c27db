import type { ListedState } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { BulkState, Cancellation } from '../broker/control.ts';
import type { TaskPage, TaskRecord } from '../broker/inspect.ts';
import * as control from '../control/index.ts';
import type { BulkOptions, CancelResult, PageOptions, TaskAddress } from '../control/index.ts';

/**
 * Shows tasks, and changes one task or all tasks that a queue has in a state. Changes to many tasks are made in steps of
 * at most 256 tasks, and other calls run between the steps.
 *
 * A queue that was never used, or that was removed, is refused with `queue-not-found`.
 */
export class TaskInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /**
   * A page of the tasks in a state. Pending tasks: the next to run first. Scheduled and retry: the earliest start
   * first. Completed: the soonest to expire first. Others: the oldest first.
   *
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  list(queue: string, state: ListedState, options: PageOptions = {}): Promise<TaskPage> {
    return control.listTasks(this.#broker, { queue, state }, options);
  }

  /** The task with everything that is stored about it. @throws TaskCenterError `queue-not-found`, `task-not-found` */
  async get(address: TaskAddress): Promise<TaskRecord> {
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
   * Archives a task. It can still be inspected, and runs again only if someone runs it by hand.
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
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`, `invalid-value`, `payload-too-large`
   */
  async updatePayload(address: TaskAddress, payload?: unknown): Promise<void> {
    // Encoded at once, because the caller may change the value while this call waits.
    const bytes = control.encodeNewPayload(payload);
    const task = await control.locateTask(this.#broker, address);
    await control.updateTaskPayload(this.#broker, task, bytes);
  }

  /**
   * Cancels a task. One that waits never starts. One that runs gets the signal of its handler aborted, and whatever its
   * attempt does except succeed, nothing starts it again: it ends as `cancelled`. The task keeps who
   * asked, when and why. It is kept for its retention and at least an hour. See docs/cancel.md.
   *
   * @throws TaskCenterError `queue-not-found`, `task-not-found`; `wrong-state`: it waits in a group
   */
  async cancel(address: TaskAddress, cancellation: Cancellation = {}): Promise<CancelResult> {
    const task = await control.locateTask(this.#broker, address);
    return control.cancelTask(this.#broker, task, cancellation);
  }

  /**
   * Publishes Asynq's cancel message, as Go's tools do; `cancel` is what you mostly want. The worker that runs a task, ours
   * or one in Go, stops the attempt. The attempt then fails with `context canceled`, and the task is retried or archived as
   * after any failure. Nothing is stored, and no worker confirms it. The message does not name a queue: it stops tasks with
   * this ID in all queues. See docs/design/protocol.md#cancellation-channel.
   *
   * @param id the ID that `enqueue` took or returned
   * @param businessId the `businessId` it was enqueued with, if any
   * @throws TaskCenterError `broker-unavailable`
   */
  publishAsynqCancel(id: string, businessId?: string): Promise<void> {
    return control.publishAsynqCancel(this.#broker, id, businessId);
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
   * Removes all tasks of a state with their unique locks; resolves to their number. `completed` includes
   * cancelled tasks.
   * @throws TaskCenterError `queue-not-found`
   */
  removeAll(queue: string, state: BulkState, options: BulkOptions = {}): Promise<number> {
    return control.changeAll(this.#broker, { queue, action: 'remove', state, options });
  }
}
