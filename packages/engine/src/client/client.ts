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

const KIB = 1_024;
/** Bounds of one call (design D2). */
const BATCH = { maxItems: 256, maxBytes: 512 * KIB, maxInFlight: 4 };
/** What a task weighs in a call besides its payload, about. */
const TASK_BYTES = 200;

function created(
  { id, queue, meta }: NewTask,
  outcome: EnqueueOutcome,
  durability: Durability = 'memory',
): Created {
  switch (outcome.code) {
    case 'created':
      return outcome;
    case 'task-exists':
      throw new TaskCenterError('task-exists', { id, queue });
    case 'duplicate-task': {
      const holder = outcome.holder === null ? null : plainTaskId(outcome.holder, meta.business ?? null);
      throw new TaskCenterError('duplicate-task', {
        id: plainTaskId(id, meta.business ?? null),
        queue,
        holder,
      });
    }
    case 'durability-not-reached':
      throw new TaskCenterError('durability-not-reached', {
        id: plainTaskId(id, meta.business ?? null),
        queue,
        durability,
      });
    case 'broker-corrupt':
      throw new TaskCenterError('broker-corrupt', { queue, cause: outcome.cause });
  }
}

/** Who waits behind a call that found no broker would only wait as long again; nothing of it was sent. */
function waitersError(error: unknown): TaskCenterError | null {
  if (!isTaskCenterError(error, 'broker-unavailable')) return null;
  return new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
}

/** Whether a task can be prepared at once and stored as most are. */
const isPlain = ({ task, durability }: TaskToEnqueue): boolean =>
  typeof task === 'string' && (durability === undefined || durability === 'memory');

const described = ({ id, queue, meta }: NewTask, { state, dueMs }: Created): EnqueuedTask => ({
  id: plainTaskId(id, meta.business ?? null),
  queue,
  state,
  dueAt: new Date(dueMs),
});

/** Submits tasks. Calls made at the same time share one call to the broker. */
export class Client {
  readonly #broker: Broker;
  readonly #prepare: PrepareTask;
  /** Tasks of one durability share calls. */
  readonly #batchers = new Map<Durability, Batcher<NewTask, EnqueueOutcome>>();

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
  async enqueue<Input>(
    task: string | TaskDefinition<Input>,
    payload?: Input,
    options: EnqueueOptions = {},
  ): Promise<EnqueuedTask> {
    const preparing = this.#prepare(task, payload, options);
    const prepared = preparing instanceof Promise ? await preparing : preparing;
    const durability = options.durability ?? 'memory';
    return described(prepared, created(prepared, await this.#batcher(durability).add(prepared), durability));
  }

  /** Stores many tasks in few calls; one outcome per task, in order. Rejects only when the broker cannot be reached. */
  async enqueueMany(tasks: readonly TaskToEnqueue[]): Promise<EnqueueResult[]> {
    const results: EnqueueResult[] = [];
    if (tasks.every(isPlain)) {
      const placed: Placed[] = [];
      const outcomes = await this.#broker.submit.enqueue(this.#preparing(tasks, placed, results));
      placed.forEach(({ task, place }, i) => (results[place] = resultOf(task, outcomes[i]!, 'memory')));
      return results;
    }
    const all = await this.#allPrepared(tasks, results);
    for (const durability of DURABILITIES) {
      const some = all.filter(({ place }) => (tasks[place]?.durability ?? 'memory') === durability);
      const outcomes = await this.#submitAs(
        durability,
        some.map(({ task }) => task),
      );
      some.forEach(({ task, place }, i) => (results[place] = resultOf(task, outcomes[i]!, durability)));
    }
    return results;
  }

  /** Stores a task that is decided and checked already, together with others submitted at the same time. */
  async submit(task: NewTask): Promise<Created> {
    return created(task, await this.#batcher('memory').add(task));
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

  #batcher(durability: Durability): Batcher<NewTask, EnqueueOutcome> {
    const known = this.#batchers.get(durability);
    if (known) return known;
    const batcher = createBatcher<NewTask, EnqueueOutcome>({
      ...BATCH,
      run: (tasks) => this.#broker.submit.enqueue(tasks, { durability }),
      sizeOf: ({ payload }) => TASK_BYTES + (payload?.length ?? 0),
      waitersError,
    });
    this.#batchers.set(durability, batcher);
    return batcher;
  }

  /** One outcome per task, in order; that the broker has no such durability is one, too. */
  async #submitAs(durability: Durability, tasks: readonly NewTask[]) {
    if (tasks.length === 0) return [];
    try {
      return await this.#broker.submit.enqueue(tasks, { durability });
    } catch (error) {
      if (isTaskCenterError(error, 'durability-unsupported')) return tasks.map(() => error);
      throw error;
    }
  }
}

function resultOf(
  task: NewTask,
  outcome: EnqueueOutcome | TaskCenterError,
  durability: Durability,
): EnqueueResult {
  try {
    if (outcome instanceof TaskCenterError) throw outcome;
    return { task: described(task, created(task, outcome, durability)) };
  } catch (error) {
    return { error: asError(error) };
  }
}

/** Ours as they are; what is not ours is a defect and goes on up. */
function asError(error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  throw error;
}
