import type { Broker } from '../broker/broker.ts';
import type { Durability, EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';
import { createBatcher, type Batcher } from '../runtime/batcher.ts';
import type { TaskDefinition } from '../task/define-task.ts';
import { plainTaskId } from '../task/task-id.ts';
import type { EnqueueOptions } from './enqueue-options.ts';
import {
  createPrepareTask,
  DURABILITIES,
  type PrepareOptions,
  type PrepareTask,
  type TaskToEnqueue,
} from './prepare-task.ts';

export type ClientOptions = PrepareOptions;

/** A stored task. */
export interface EnqueuedTask {
  readonly id: string;
  readonly queue: string;
  readonly state: 'pending' | 'scheduled' | 'aggregating';
  /** When it may start, by the broker's clock. */
  readonly dueAt: Date;
}

/** One outcome of `enqueueMany`: the task, or why it was not stored. */
export type EnqueueResult = { readonly task: EnqueuedTask } | { readonly error: TaskCenterError };

/** A task that is prepared, and its place among those given. */
interface Placed {
  readonly task: NewTask;
  readonly place: number;
}

type Created = Extract<EnqueueOutcome, { code: 'created' }>;

const NO_OPTIONS: EnqueueOptions = Object.freeze({});
const KIB = 1_024;
/** Bounds of one call (design D2). */
const BATCH = { maxItems: 256, maxBytes: 512 * KIB, maxInFlight: 4 };
/** What a task weighs in a call besides its payload, about. */
const TASK_BYTES = 200;

/** The stored task, or why there is none. */
function resultOf(
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
  }
}

const asResult = (one: EnqueuedTask | TaskCenterError): EnqueueResult =>
  one instanceof TaskCenterError ? { error: one } : { task: one };

/** Who waits behind a call that found no broker would only wait as long again; nothing of it was sent. */
function waitersError(error: unknown): TaskCenterError | null {
  if (!isTaskCenterError(error, 'broker-unavailable')) return null;
  return new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
}

/** Whether a task can be prepared at once and stored as most are. */
const isPlain = ({ task, durability }: TaskToEnqueue): boolean =>
  typeof task === 'string' && (durability === undefined || durability === 'memory');

/** Submits tasks. Calls made at the same time share one call to the broker. */
export class Client {
  readonly #broker: Broker;
  readonly #prepare: PrepareTask;
  /** Tasks of one durability share calls. */
  readonly #batchers = new Map<Durability, Batcher<NewTask, EnqueuedTask>>();

  constructor(broker: Broker, options: ClientOptions = {}) {
    this.#broker = broker;
    this.#prepare = createPrepareTask(options);
  }

  /**
   * Stores one task: pending, or scheduled if it is due later.
   *
   * @param payload bytes are kept as they are, anything else becomes JSON; left out = none.
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
      const store = (prepared: NewTask) => this.#batcher(options.durability ?? 'memory').add(prepared);
      return preparing instanceof Promise ? preparing.then(store) : store(preparing);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Stores many tasks in few calls; one outcome per task, in order. Rejects only when the broker cannot be reached. */
  async enqueueMany(tasks: readonly TaskToEnqueue[]): Promise<EnqueueResult[]> {
    const results: EnqueueResult[] = [];
    if (tasks.every(isPlain)) {
      const placed: Placed[] = [];
      const outcomes = await this.#broker.submit.enqueue(this.#preparing(tasks, placed, results));
      for (const [i, { task, place }] of placed.entries())
        results[place] = asResult(resultOf(task, outcomes[i]!, 'memory'));
      return results;
    }
    const all = await this.#allPrepared(tasks, results);
    for (const durability of DURABILITIES) {
      const some = all.filter(({ place }) => (tasks[place]?.durability ?? 'memory') === durability);
      const stored = await this.#submitAs(durability, some);
      some.forEach(({ place }, i) => (results[place] = asResult(stored[i]!)));
    }
    return results;
  }

  /** Stores a task that is decided and checked already, together with others submitted at the same time. */
  async submit(task: NewTask): Promise<Created> {
    const { state, dueAt } = await this.#batcher('memory').add(task);
    return { code: 'created', state, dueMs: dueAt.getTime() };
  }

  /** Stores decided and checked tasks; one outcome per task, in order. */
  async submitMany(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
    return tasks.length === 0 ? [] : await this.#broker.submit.enqueue(tasks);
  }

  /** Prepared while they are read: the first are on their way when the last are prepared. */
  *#preparing(
    tasks: readonly TaskToEnqueue[],
    placed: Placed[],
    results: EnqueueResult[],
  ): Generator<NewTask> {
    for (const [place, given] of tasks.entries()) {
      try {
        const task = this.#prepare(given.task, given.payload, given) as NewTask;
        placed.push({ task, place });
        yield task;
      } catch (error) {
        results[place] = { error: asError(error) };
      }
    }
  }

  /** Those that could be prepared; of the others why not. All at once: one that is waited for later must not fail unheard. */
  async #allPrepared(tasks: readonly TaskToEnqueue[], results: EnqueueResult[]): Promise<Placed[]> {
    const preparing = tasks.map(async (given) => this.#prepare(given.task, given.payload, given));
    const placed: Placed[] = [];
    for (const [place, one] of (await Promise.allSettled(preparing)).entries()) {
      if (one.status === 'fulfilled') placed.push({ task: one.value, place });
      else results[place] = { error: asError(one.reason) };
    }
    return placed;
  }

  #batcher(durability: Durability): Batcher<NewTask, EnqueuedTask> {
    const known = this.#batchers.get(durability);
    if (known) return known;
    const batcher = createBatcher<NewTask, EnqueuedTask>({
      ...BATCH,
      // What is to be confirmed is confirmed call by call: more of them under way would only be smaller.
      ...(durability !== 'memory' && { maxInFlight: 1 }),
      run: async (tasks) => {
        const outcomes = await this.#broker.submit.enqueue(tasks, { durability });
        return tasks.map((task, i) => resultOf(task, outcomes[i]!, durability));
      },
      sizeOf: ({ payload }) => TASK_BYTES + (payload?.length ?? 0),
      waitersError,
    });
    this.#batchers.set(durability, batcher);
    return batcher;
  }

  /** One outcome per task, in order; that the broker has no such durability is one, too. */
  async #submitAs(
    durability: Durability,
    some: readonly Placed[],
  ): Promise<(EnqueuedTask | TaskCenterError)[]> {
    const tasks = some.map(({ task }) => task);
    if (tasks.length === 0) return [];
    try {
      const outcomes = await this.#broker.submit.enqueue(tasks, { durability });
      return tasks.map((task, i) => resultOf(task, outcomes[i]!, durability));
    } catch (error) {
      if (isTaskCenterError(error, 'durability-unsupported')) return tasks.map(() => error);
      throw error;
    }
  }
}

/** Ours as they are; what is not ours is a defect and goes on up. */
function asError(error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  throw error;
}
