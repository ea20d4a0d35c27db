import { storedTaskId } from '@task-center/model';
import { MAX_BATCH, MAX_BATCH_BYTES } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { Durability, EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { createNamesCheck, createOptionsCheck, isOptions, object } from '../checks/options.ts';
import { checkBroker, flag, func, isList } from '../checks/values.ts';
import { invalidValue, isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';
import { Batcher } from '../runtime/batcher.ts';
import { runtimeOn } from '../runtime/runtime.ts';
import type { ResultOf, TaskDefinition, WithoutPayload } from '../task/define-task.ts';
import { storeBatchInSpans, storeInSpan } from '../tracing/submission-spans.ts';
import { isTracing } from '../tracing/trace-context.ts';
import { checkEnqueueOptions, ENQUEUE_NAMES, type EnqueueOptions } from './enqueue-options.ts';
import { submitBatch } from './batch.ts';
import { nextNotCalled, throughMiddleware, type ClientMiddleware } from './middleware.ts';
import {
  allStored,
  storedTaskOrError,
  toResults,
  type EnqueuedTask,
  type EnqueueResult,
} from './outcomes.ts';
import {
  checkClientOptions,
  createPrepareTask,
  preparationError,
  type PrepareOptions,
  type PrepareTask,
  type TasksToEnqueue,
  type TaskToEnqueue,
} from './prepare-task.ts';
import {
  checkResultAddress,
  checkResultOptions,
  checkWaitOptions,
  keptForWait,
  ResultWaiter,
  type ResultAddress,
  type ResultOptions,
  type WaitOptions,
} from './wait-for-result.ts';

export type ClientOptions = PrepareOptions;

/** Options of `enqueueMany`. */
export interface EnqueueManyOptions {
  /** Resolve to one outcome per task, and do not throw if some of them are not stored. Default false. */
  readonly outcomes?: boolean;
}

const checkManyOptions = createOptionsCheck<EnqueueManyOptions>('enqueueMany', { outcomes: flag });

type Created = Extract<EnqueueOutcome, { code: 'created' }>;

const checkOptionsAndWait = createNamesCheck<EnqueueOptions & WaitOptions>('enqueueAndWait', {
  ...ENQUEUE_NAMES,
  wait: true,
  signal: true,
});
const NO_OPTIONS: EnqueueOptions = Object.freeze({});
/** Bounds of one call to the broker. See docs/design/engine.md#batches. */
const BATCH = { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES, maxInFlight: 4 };
/** A rough size of a task in a call, without its payload. */
const TASK_BYTES = 200;

/**
 * The error of tasks that wait behind a call which did not reach the broker. A call of their own would only wait for
 * the same time again. Nothing of them was sent, so they are certainly not stored.
 */
function errorForWaiting(error: unknown): TaskCenterError | null {
  if (!isTaskCenterError(error, 'broker-unavailable')) return null;
  return new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
}

/**
 * Submits tasks. Calls made at the same time share one call to the broker: at most 256 tasks or 512 KiB each, at most
 * four at once. One client serves a whole process and needs no closing; closing the broker is enough.
 */
export class Client {
  readonly #broker: Broker;
  readonly #prepare: PrepareTask;
  readonly #results: ResultWaiter;
  readonly #layers: ClientMiddleware[] = [];
  /** One for each durability: it is a property of a call, and only tasks of the same one can share a call. */
  readonly #batchers = new Map<Durability, Batcher<NewTask, EnqueuedTask>>();

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: ClientOptions = {}) {
    checkBroker(broker, 'submit');
    this.#broker = broker;
    const runtime = runtimeOn(broker, checkClientOptions(options).runtime);
    this.#prepare = createPrepareTask({ ...options, runtime });
    this.#results = new ResultWaiter(broker, runtime);
  }

  /**
   * Stores one task: `pending`, `scheduled` if it is due later, or `aggregating` if it has a group.
   *
   * @param task the name of a type, or a definition, whose schema checks the payload
   * @param payload bytes are stored as they are at the call, any other value as JSON; left out = no payload, if the schema
   *   takes that
   * @throws TaskCenterError `invalid-value`, `payload-too-large`, `task-exists`, `duplicate-task`, `broker-corrupt`,
   *   `broker-unavailable`, `broker-full`, `durability-unsupported`, `durability-not-reached` (the task is stored)
   */
  enqueue<Input>(
    task: string | TaskDefinition<Input, unknown>,
    payload: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<EnqueuedTask>;
  enqueue<Definition extends TaskDefinition>(
    task: string | WithoutPayload<Definition>,
  ): Promise<EnqueuedTask>;
  enqueue(
    task: string | TaskDefinition,
    payload?: unknown,
    options: EnqueueOptions = NO_OPTIONS,
  ): Promise<EnqueuedTask> {
    try {
      const { lifetime } = this.#broker;
      lifetime.checkOpen();
      if (this.#layers.length > 0) return lifetime.track(this.#storeThrough({ ...options, task, payload }));
      if (options !== NO_OPTIONS) checkEnqueueOptions(options);
      const { durability = 'memory' } = options;
      const preparing = this.#prepare(task, payload, options);
      const store = (prepared: NewTask) => this.#add(prepared, durability);
      return preparing instanceof Promise ? lifetime.track(preparing.then(store)) : store(preparing);
    } catch (error) {
      return Promise.reject(preparationError(error));
    }
  }

  /**
   * Stores one task and waits until it has ended. Resolves to what its handler returned: from JSON, and through the result's
   * schema if the definition has one. The call is woken when the task ends. A Go worker may run it. The task
   * gets the retention that this needs, or keeps a longer one of its own.
   *
   * @throws TaskCenterError as `enqueue`, and once it is stored as `result`; `invalid-value` for a task of a group, which
   *   never runs itself
   */
  enqueueAndWait<Input, Result = unknown>(
    task: string | TaskDefinition<Input, unknown, unknown, Result>,
    payload: NoInfer<Input>,
    options?: EnqueueOptions & WaitOptions,
  ): Promise<Result>;
  enqueueAndWait<Definition extends TaskDefinition>(
    task: string | WithoutPayload<Definition>,
  ): Promise<ResultOf<Definition>>;
  async enqueueAndWait(
    task: string | TaskDefinition,
    payload?: unknown,
    options: EnqueueOptions & WaitOptions = NO_OPTIONS,
  ): Promise<unknown> {
    const { wait, signal, ...enqueueOptions } = checkOptionsAndWait(options);
    checkWaitOptions({ wait, signal });
    const { lifetime } = this.#broker;
    lifetime.checkOpen();
    signal?.throwIfAborted();
    let prepared: NewTask | undefined;
    const given = { ...enqueueOptions, task, payload };
    const { id: plainId } = await lifetime.track(
      this.#storeThrough(given, (ready) => (prepared = keptForWait(ready, wait))),
    );
    if (!prepared) throw nextNotCalled();
    const { queue, id } = prepared;
    const how = { wait, signal, ...(typeof task !== 'string' && { task }) };
    return this.#results.wait({ queue, id, plainId, isNew: true }, how);
  }

  /**
   * Waits until a task has ended, and resolves to what its handler returned, at once if it has ended already. It may be called
   * in any process that uses the broker. The task is kept for its `retention` only, and without one there is no result.
   *
   * @throws TaskCenterError `task-failed`: it was archived; `task-cancelled`; `wait-over`: it goes on; `result-gone`: it ended
   *   and was not kept, or its result was not; `invalid-value`: an argument is not valid, or the result is no JSON or does
   *   not fit the schema
   */
  async result<Result = unknown>(
    address: ResultAddress,
    options: ResultOptions<Result> = {},
  ): Promise<Result> {
    const { queue, id, businessId } = checkResultAddress(address);
    checkResultOptions(options);
    const storedId = storedTaskId(id, businessId ?? null);
    return this.#results.wait({ queue, id: storedId, plainId: id, isNew: false }, options);
  }

  /**
   * Stores many tasks in few calls. Resolves to the stored tasks, in the order given. A task that is not valid, or is
   * refused, does not affect the others, and neither does a call to the broker that fails: all are tried, and then it throws
   * if not all of them are stored.
   *
   * @throws TaskCenterError `some-not-stored`, whose `details` list each task with its `index`: `stored`, `failed` (not valid, a
   *   taken ID, a duplicate, refused by the broker), and `unknown`, which can be enqueued again with the same IDs
   */
  enqueueMany<Items extends readonly TaskToEnqueue[]>(
    tasks: TasksToEnqueue<Items>,
    options?: EnqueueManyOptions & { readonly outcomes?: false },
  ): Promise<EnqueuedTask[]>;
  /** With `outcomes`: resolves to one outcome per task, in the order given, also if none is stored. */
  enqueueMany<Items extends readonly TaskToEnqueue[]>(
    tasks: TasksToEnqueue<Items>,
    options: EnqueueManyOptions & { readonly outcomes: true },
  ): Promise<EnqueueResult[]>;
  async enqueueMany(
    tasks: readonly TaskToEnqueue[],
    options: EnqueueManyOptions = {},
  ): Promise<EnqueuedTask[] | EnqueueResult[]> {
    const { outcomes: isEachWanted = false } = checkManyOptions(options);
    const storing = submitBatch(tasks, {
      broker: this.#broker,
      prepare: this.#prepare,
      ...(this.#layers.length > 0 && { storeThrough: (...args) => this.#storeThrough(...args) }),
    });
    const outcomes = await this.#broker.lifetime.track(storing);
    return isEachWanted ? toResults(outcomes) : allStored(outcomes);
  }

  /**
   * Stores a task that is complete and checked already. It shares calls with others submitted at the same time. For
   * code that builds its tasks itself, such as the HTTP service.
   */
  async submit(task: NewTask): Promise<Created> {
    object(task, 'task');
    const { state, dueAt } = await this.#add(task, 'memory');
    return { code: 'created', state, dueMs: dueAt.getTime() };
  }

  /** Stores tasks that are complete and checked already; resolves to one outcome per task, in order. Rejects if all of them failed. */
  async submitMany(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
    if (!isList(tasks) || !tasks.every(isOptions))
      throw invalidValue('tasks', tasks, 'a list of tasks that `makeTask` made');
    return tasks.length === 0
      ? []
      : await storeBatchInSpans(tasks, (traced) => this.#broker.submit.enqueue(traced));
  }

  /**
   * Runs a function around each task that is enqueued here from now on, for what concerns all of them: headers, a check, a count. The
   * first one is outermost. With middleware a payload is read when `next` is called, not when `enqueue` is.
   *
   * @throws TaskCenterError `invalid-value`
   */
  use(middleware: ClientMiddleware): this {
    func(middleware, 'middleware');
    this.#layers.push(middleware);
    return this;
  }

  /** Stores one task through the middleware. `finish` is given the prepared task, and returns the one to store. */
  #storeThrough(
    given: TaskToEnqueue,
    finish: (prepared: NewTask) => NewTask = (prepared) => prepared,
  ): Promise<EnqueuedTask> {
    return throughMiddleware(this.#layers, given, async ({ task, payload, ...options }) => {
      checkEnqueueOptions(options);
      const prepared = finish(await this.#prepare(task, payload, options));
      return this.#add(prepared, options.durability ?? 'memory');
    });
  }

  #add(task: NewTask, durability: Durability): Promise<EnqueuedTask> {
    const batcher = this.#batcherFor(durability);
    // The batch is sent later, in the context of any of its tasks.
    return isTracing() ? storeInSpan(task, (traced) => batcher.add(traced)) : batcher.add(task);
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
}
