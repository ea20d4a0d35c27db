import { plainTaskId } from '@task-center/model';
import { MAX_BATCH, MAX_BATCH_BYTES } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { Durability, EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';
import { Batcher } from '../runtime/batcher.ts';
import type { TaskDefinition } from '../task/define-task.ts';
import type { EnqueueOptions } from './enqueue-options.ts';
import {
  createPrepareTask,
  DURABILITIES,
  type PrepareOptions,
  type PrepareTask,
  type TaskToEnqueue,
} from './prepare-task.ts';

export type ClientOptions = PrepareOptions;

/** A task that the broker has stored. */
export interface EnqueuedTask {
  /** The ID that was given, or the new one. */
  readonly id: string;
  readonly queue: string;
  readonly state: 'pending' | 'scheduled' | 'aggregating';
  /** Its earliest start, by the broker's clock. */
  readonly dueAt: Date;
}

/** One outcome of `enqueueMany`: the stored task, or the reason why it was not stored. */
export type EnqueueResult = { readonly task: EnqueuedTask } | { readonly error: TaskCenterError };

/** A prepared task and its index in the list that was given. */
interface IndexedTask {
  readonly task: NewTask;
  readonly index: number;
}

type Created = Extract<EnqueueOutcome, { code: 'created' }>;

const NO_OPTIONS: EnqueueOptions = Object.freeze({});
/** Bounds of one call to the broker. See docs/design/engine.md#batches. */
const BATCH = { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES, maxInFlight: 4 };
/** A rough size of a task in a call, without its payload. */
const TASK_BYTES = 200;

/** The outcome of one task as callers see it: the stored task, or an error. */
function storedTaskOrError(
  task: NewTask,
  outcome: EnqueueOutcome,
  durability: Durability,
): EnqueuedTask | TaskCenterError {
  const { queue, meta } = task;
  const plainId = (id: string) => plainTaskId(id, meta.business ?? null);
  switch (outcome.code) {
    case 'created': {
      const { state, dueMs } = outcome;
      return { id: plainId(task.id), queue, state, dueAt: new Date(dueMs) };
    }
    case 'task-exists':
      return new TaskCenterError('task-exists', { id: task.id, queue });
    case 'duplicate-task': {
      const holder = outcome.holder === null ? null : plainId(outcome.holder);
      return new TaskCenterError('duplicate-task', { id: plainId(task.id), queue, holder });
    }
    case 'durability-not-reached':
      return new TaskCenterError('durability-not-reached', { id: plainId(task.id), queue, durability });
    case 'broker-corrupt':
      return new TaskCenterError('broker-corrupt', { queue, cause: outcome.cause });
    case 'failed':
      return outcome.error;
  }
}

const toResult = (outcome: EnqueuedTask | TaskCenterError): EnqueueResult =>
  outcome instanceof TaskCenterError ? { error: outcome } : { task: outcome };

/**
 * The error of tasks that wait behind a call which did not reach the broker. A call of their own would only wait for
 * the same time again. Nothing of them was sent, so they are certainly not stored.
 */
function errorForWaiting(error: unknown): TaskCenterError | null {
  if (!isTaskCenterError(error, 'broker-unavailable')) return null;
  return new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
}

/** Whether a task can be prepared synchronously and stored with the usual durability. */
const canPrepareWhileRead = ({ task, durability }: TaskToEnqueue): boolean =>
  typeof task === 'string' && (durability === undefined || durability === 'memory');

/**
 * Submits tasks. Calls made at the same time share one call to the broker: at most 256 tasks or 512 KiB each, at most
 * four at once. One client serves a whole process and needs no closing; closing the broker is enough.
 */
export class Client {
  readonly #broker: Broker;
  readonly #prepare: PrepareTask;
  /** One for each durability: it is a property of a call, and only tasks of the same one can share a call. */
  readonly #batchers = new Map<Durability, Batcher<NewTask, EnqueuedTask>>();

  constructor(broker: Broker, options: ClientOptions = {}) {
    this.#broker = broker;
    this.#prepare = createPrepareTask(options);
  }

  /**
   * Stores one task: `pending`, `scheduled` if it is due later, or `aggregating` if it has a group.
   *
   * @param task the name of a type, or a definition, whose schema checks the payload
   * @param payload bytes are stored as they are, any other value as JSON; left out = no payload
   * @throws TaskCenterError `invalid-value`, `payload-too-large`, `task-exists`, `duplicate-task`, `broker-corrupt`,
   *   `broker-unavailable`, `broker-full`, `durability-unsupported`, `durability-not-reached` (the task is stored)
   */
  enqueue<Input>(
    task: string | TaskDefinition<Input>,
    payload?: Input,
    options: EnqueueOptions = NO_OPTIONS,
  ): Promise<EnqueuedTask> {
    try {
      const preparing = this.#prepare(task, payload, options);
      const store = (prepared: NewTask) => this.#batcherFor(options.durability ?? 'memory').add(prepared);
      return preparing instanceof Promise ? preparing.then(store) : store(preparing);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Stores many tasks in few calls. Resolves to one outcome per task, in the order given. A task that is refused does not
   * affect the others, and neither does a call that fails: one whose error is `broker-unavailable` with the outcome `unknown`
   * may be stored, and can be enqueued again with the same ID. Rejects only if all calls fail, such as with
   * `broker-unavailable`.
   */
  async enqueueMany(tasks: readonly TaskToEnqueue[]): Promise<EnqueueResult[]> {
    const results: EnqueueResult[] = [];
    if (tasks.every(canPrepareWhileRead)) {
      const prepared: IndexedTask[] = [];
      const outcomes = await this.#broker.submit.enqueue(this.#prepareWhileRead(tasks, prepared, results));
      for (const [i, { task, index }] of prepared.entries())
        results[index] = toResult(storedTaskOrError(task, outcomes[i]!, 'memory'));
      return results;
    }
    const prepared = await this.#prepareAll(tasks, results);
    for (const durability of DURABILITIES) {
      const ofDurability = prepared.filter(
        ({ index }) => (tasks[index]?.durability ?? 'memory') === durability,
      );
      const outcomes = await this.#submitWith(durability, ofDurability, prepared);
      ofDurability.forEach(({ index }, i) => (results[index] = toResult(outcomes[i]!)));
    }
    return results;
  }

  /**
   * Stores a task that is complete and checked already. It shares calls with others submitted at the same time. For
   * code that builds its tasks itself, such as the HTTP service.
   */
  async submit(task: NewTask): Promise<Created> {
    const { state, dueAt } = await this.#batcherFor('memory').add(task);
    return { code: 'created', state, dueMs: dueAt.getTime() };
  }

  /** Stores tasks that are complete and checked already; resolves and rejects as `enqueueMany`. */
  async submitMany(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
    return tasks.length === 0 ? [] : await this.#broker.submit.enqueue(tasks);
  }

  /**
   * Prepares each task when the broker reads it: the first ones are sent while the last ones are still prepared. Adds
   * what was prepared to `prepared`, and the errors of the others to `results`.
   */
  *#prepareWhileRead(
    tasks: readonly TaskToEnqueue[],
    prepared: IndexedTask[],
    results: EnqueueResult[],
  ): Generator<NewTask> {
    for (const [index, given] of tasks.entries()) {
      try {
        const task = this.#prepare(given.task, given.payload, given) as NewTask;
        prepared.push({ task, index });
        yield task;
      } catch (error) {
        results[index] = { error: asTaskCenterError(error) };
      }
    }
  }

  /**
   * Resolves to the tasks that could be prepared, and adds the errors of the others to `results`. They are all awaited
   * together: a promise that is awaited later could reject first, unhandled.
   */
  async #prepareAll(tasks: readonly TaskToEnqueue[], results: EnqueueResult[]): Promise<IndexedTask[]> {
    const preparing = tasks.map(async (given) => this.#prepare(given.task, given.payload, given));
    const prepared: IndexedTask[] = [];
    for (const [index, settled] of (await Promise.allSettled(preparing)).entries()) {
      if (settled.status === 'fulfilled') prepared.push({ task: settled.value, index });
      else results[index] = { error: asTaskCenterError(settled.reason) };
    }
    return prepared;
  }

  #batcherFor(durability: Durability): Batcher<NewTask, EnqueuedTask> {
    const known = this.#batchers.get(durability);
    if (known) return known;
    const batcher = new Batcher<NewTask, EnqueuedTask>({
      ...BATCH,
      // The broker confirms call by call. More calls at once would only make each of them smaller.
      ...(durability !== 'memory' && { maxInFlight: 1 }),
      run: async (tasks) => {
        const outcomes = await this.#broker.submit.enqueue(tasks, { durability });
        return tasks.map((task, i) => storedTaskOrError(task, outcomes[i]!, durability));
      },
      sizeOf: ({ payload }) => TASK_BYTES + (payload?.length ?? 0),
      errorForWaiting,
    });
    this.#batchers.set(durability, batcher);
    return batcher;
  }

  /**
   * Stores tasks of one durability. Resolves to one outcome per task, in order. An error of the whole call is the outcome of
   * each of them, since tasks of another durability may be stored; it is thrown if there are no others among `all`.
   */
  async #submitWith(
    durability: Durability,
    prepared: readonly IndexedTask[],
    all: readonly IndexedTask[],
  ): Promise<(EnqueuedTask | TaskCenterError)[]> {
    const tasks = prepared.map(({ task }) => task);
    if (tasks.length === 0) return [];
    try {
      const outcomes = await this.#broker.submit.enqueue(tasks, { durability });
      return tasks.map((task, i) => storedTaskOrError(task, outcomes[i]!, durability));
    } catch (error) {
      const isAlone = prepared.length === all.length && !isTaskCenterError(error, 'durability-unsupported');
      if (isAlone || !(error instanceof TaskCenterError)) throw error;
      return tasks.map(() => error);
    }
  }
}

/** Returns an error of ours. Any other error is a defect and is thrown again. */
function asTaskCenterError(error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  throw error;
}
