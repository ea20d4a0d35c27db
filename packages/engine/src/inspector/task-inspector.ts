import type { ListedState } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { BulkState, Cancellation } from '../broker/control.ts';
import type { TaskRecord } from '../broker/inspect.ts';
import type { TaskLog } from '../task/task-notes.ts';
import * as control from '../control/index.ts';
import type {
  BulkOptions,
  CancelResult,
  IterateOptions,
  LocatedTask,
  PageOptions,
  TaskAddress,
} from '../control/index.ts';
import { taskInfo, type TaskInfo, type TaskInfoPage } from './task-info.ts';

async function* infosOf(records: AsyncIterable<TaskRecord>): AsyncGenerator<TaskInfo, void, undefined> {
  for await (const record of records) yield taskInfo(record);
}

/**
 * Shows tasks, and changes one task or all tasks that a queue has in a state. Changes to many tasks are made in steps of
 * at most 256 tasks, and other calls run between the steps.
 *
 * Each method about one task takes `{ queue, id }`, for a task of a business with its `businessId`. Anything that has these
 * fields will do, such as a task from a list. The ID alone, as a text or as `{ id }`, is searched in all queues:
 * `task-id-ambiguous` names the queues if several have it.
 *
 * A queue that was never used, or that was removed, is refused with `queue-not-found`.
 */
export class TaskInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  #locate(task: TaskAddress | string): Promise<LocatedTask> {
    return control.locateTask(this.#broker, task);
  }

  /**
   * A page of the tasks in a state. Pending tasks: the next to run first. Scheduled and retry: the earliest start
   * first. Completed: the soonest to expire first. Others: the oldest first. On Redis tasks of the same second are in the order
   * of their IDs.
   *
   * @throws TaskCenterError `invalid-value`, `queue-not-found`
   */
  async list(queue: string, state: ListedState, options: PageOptions = {}): Promise<TaskInfoPage> {
    const page = await control.listTasks(this.#broker, { queue, state }, options);
    return { ...page, tasks: page.tasks.map(taskInfo) };
  }

  /**
   * All tasks that a queue has in a state, in the order of `list`, for `for await`. They are read in pages, one page ahead, each
   * task as it was then. The loop may change any task: none is met twice for it, or left out. Tasks that come into the state
   * meanwhile are left out, but for new tasks that are scheduled or in a group: they are met if their place is yet to come.
   * `break` ends it, and nothing is left open.
   *
   * ```ts
   * for await (const task of inspector.tasks.iterate('orders', 'archived'))
   *   if (task.lastError?.message.includes('ECONNREFUSED')) await inspector.tasks.run(task);
   * ```
   *
   * @throws TaskCenterError from the loop: `invalid-value`, `queue-not-found`, `broker-unavailable`
   */
  iterate(
    queue: string,
    state: ListedState,
    options: IterateOptions = {},
  ): AsyncGenerator<TaskInfo, void, undefined> {
    return infosOf(control.iterateTasks(this.#broker, { queue, state }, options));
  }

  /** The task with everything that is stored about it. @throws TaskCenterError `queue-not-found`, `task-not-found` */
  async get(task: TaskAddress | string): Promise<TaskInfo> {
    return taskInfo(await control.getTask(this.#broker, await this.#locate(task)));
  }

  /**
   * The log lines that handlers of the task have written, the newest 1,000 of at most 256 KiB together. They are kept as long as
   * the task. How far it is tells the field `progress` of `get`.
   *
   * @throws TaskCenterError `queue-not-found`, `task-not-found`
   */
  async log(task: TaskAddress | string): Promise<TaskLog> {
    return control.getTaskLog(this.#broker, await this.#locate(task));
  }

  /**
   * Makes a task pending now, behind the tasks that are pending already. Its retries and its history stay.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  async run(task: TaskAddress | string): Promise<void> {
    await control.runTask(this.#broker, await this.#locate(task));
  }

  /**
   * Archives a task. It can still be inspected, and runs again only if someone runs it by hand.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  async archive(task: TaskAddress | string): Promise<void> {
    await control.archiveTask(this.#broker, await this.#locate(task));
  }

  /**
   * Removes a task and its unique lock.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`
   */
  async remove(task: TaskAddress | string): Promise<void> {
    await control.removeTask(this.#broker, await this.#locate(task));
  }

  /**
   * Replaces the payload of a scheduled task. Everything else stays, including a unique lock for the old payload.
   *
   * @param payload bytes are stored as they are, any other value as JSON; left out = no payload. At most 4 MiB.
   * @throws TaskCenterError `queue-not-found`, `task-not-found`, `wrong-state`, `invalid-value`, `payload-too-large`
   */
  async updatePayload(task: TaskAddress | string, payload?: unknown): Promise<void> {
    // Encoded at once, because the caller may change the value while this call waits.
    const bytes = control.encodeNewPayload(payload);
    await control.updateTaskPayload(this.#broker, await this.#locate(task), bytes);
  }

  /**
   * Cancels a task. One that waits never starts. One that runs gets the signal of its handler aborted, and whatever its
   * attempt does except succeed, nothing starts it again: it ends as `cancelled`. The task keeps who
   * asked, when and why. It is kept for its retention and at least an hour. See docs/cancel.md.
   *
   * @throws TaskCenterError `queue-not-found`, `task-not-found`; `wrong-state`: it waits in a group
   */
  async cancel(task: TaskAddress | string, cancellation: Cancellation = {}): Promise<CancelResult> {
    return control.cancelTask(this.#broker, await this.#locate(task), cancellation);
  }

  /**
   * Publishes Asynq's cancel message, as Go's tools do; `cancel` is what you mostly want. The worker that runs a task, ours
   * or one in Go, stops the attempt. The attempt then fails with `context canceled`, and the task is retried or archived as
   * after any failure. Nothing is stored, and no worker confirms it. The message does not name a queue: it stops tasks with
   * this ID in all queues, even if `task` names one. See docs/design/protocol.md#cancellation-channel.
   *
   * @throws TaskCenterError `broker-unavailable`
   */
  publishAsynqCancel(task: TaskAddress | string): Promise<void> {
    return control.publishAsynqCancel(this.#broker, task);
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
