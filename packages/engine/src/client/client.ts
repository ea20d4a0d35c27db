import type { Broker } from '../broker/broker.ts';
import type { EnqueueOutcome, NewTask } from '../broker/submit.ts';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';
import { DEFAULT_RETRY_POLICY } from '../policies/retry-policy.ts';
import { createBatcher, type Batcher } from '../runtime/batcher.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { checkedPayload, type TaskDefaults, type TaskDefinition } from '../task/define-task.ts';
import { encodeContent } from '../task/payload.ts';
import { plainTaskId } from '../task/task-id.ts';
import type { EnqueueOptions } from './enqueue-options.ts';
import { newTask } from './new-task.ts';

export interface ClientOptions {
  /** Largest payload, bytes. Default 256 KiB, at most 4 MiB. */
  readonly maxPayloadBytes?: number;
  /** `asynq`: what a task does not say is as in Asynq, 25 retries. Default: 3 retries. */
  readonly profile?: 'asynq';
  readonly runtime?: Partial<Runtime>;
}

/** A stored task. */
export interface EnqueuedTask {
  readonly id: string;
  readonly queue: string;
  readonly state: 'pending' | 'scheduled' | 'aggregating';
  /** When it may start, by the broker's clock. */
  readonly dueAt: Date;
}

/** One task of `enqueueMany`. */
export interface TaskToEnqueue extends EnqueueOptions {
  readonly task: string | TaskDefinition;
  readonly payload?: unknown;
}

/** One outcome of `enqueueMany`: the task, or why it was not stored. */
export type EnqueueResult = { readonly task: EnqueuedTask } | { readonly error: TaskCenterError };

type Created = Extract<EnqueueOutcome, { code: 'created' }>;

/** Protocol 2.5. */
const ASYNQ_RETRIES = 25;
const KIB = 1_024;
/** Bounds of one call (design D2). */
const BATCH = { maxItems: 256, maxBytes: 512 * KIB, maxInFlight: 4 };
/** What a task weighs in a call besides its payload, about. */
const TASK_BYTES = 200;

function created({ id, queue, meta }: NewTask, outcome: EnqueueOutcome): Created {
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
    case 'broker-corrupt':
      throw new TaskCenterError('broker-corrupt', { queue, cause: outcome.cause });
  }
}

/** Who waits behind a call that found no broker would only wait as long again; nothing of it was sent. */
function waitersError(error: unknown): TaskCenterError | null {
  if (!isTaskCenterError(error, 'broker-unavailable')) return null;
  return new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
}

const described = ({ id, queue, meta }: NewTask, { state, dueMs }: Created): EnqueuedTask => ({
  id: plainTaskId(id, meta.business ?? null),
  queue,
  state,
  dueAt: new Date(dueMs),
});

/** Submits tasks. Calls made at the same time share one call to the broker. */
export class Client {
  readonly #broker: Broker;
  readonly #runtime: Runtime;
  readonly #maxPayloadBytes: number;
  readonly #maxRetries: number;
  readonly #batcher: Batcher<NewTask, EnqueueOutcome>;

  constructor(broker: Broker, options: ClientOptions = {}) {
    this.#broker = broker;
    this.#runtime = createRuntime(options.runtime);
    this.#maxPayloadBytes = options.maxPayloadBytes ?? 256 * KIB;
    this.#maxRetries = options.profile === 'asynq' ? ASYNQ_RETRIES : DEFAULT_RETRY_POLICY.maxRetries;
    this.#batcher = createBatcher({
      ...BATCH,
      run: (tasks) => broker.submit.enqueue(tasks),
      sizeOf: ({ payload }) => TASK_BYTES + (payload?.length ?? 0),
      waitersError,
    });
  }

  /**
   * Stores one task: pending, or scheduled if it is due later.
   *
   * @param payload bytes are kept as they are, anything else becomes JSON; left out = none.
   * @throws TaskCenterError `invalid-value`, `payload-too-large`, `task-exists`, `duplicate-task`, `broker-corrupt`,
   *   `broker-unavailable`, `broker-full`
   */
  async enqueue<Input>(
    task: string | TaskDefinition<Input>,
    payload?: Input,
    options: EnqueueOptions = {},
  ): Promise<EnqueuedTask> {
    const prepared = await this.#prepare({ ...options, task, payload });
    return described(prepared, await this.submit(prepared));
  }

  /** Stores many tasks in few calls; one outcome per task, in order. Rejects only when the broker cannot be reached. */
  async enqueueMany(tasks: readonly TaskToEnqueue[]): Promise<EnqueueResult[]> {
    const prepared = await Promise.all(tasks.map((task) => this.#prepare(task).catch(asError)));
    const good = prepared.filter((task): task is NewTask => !(task instanceof TaskCenterError));
    const outcomes = await this.submitMany(good);
    let next = 0;
    return prepared.map((task) => {
      if (task instanceof TaskCenterError) return { error: task };
      try {
        return { task: described(task, created(task, outcomes[next++] as EnqueueOutcome)) };
      } catch (error) {
        return { error: asError(error) };
      }
    });
  }

  /** Stores a task that is decided and checked already, together with others submitted at the same time. */
  async submit(task: NewTask): Promise<Created> {
    return created(task, await this.#batcher.add(task));
  }

  /** Stores decided and checked tasks; one outcome per task, in order. */
  async submitMany(tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
    return tasks.length === 0 ? [] : await this.#broker.submit.enqueue(tasks);
  }

  async #prepare({ task, payload, ...options }: TaskToEnqueue): Promise<NewTask> {
    if (typeof task !== 'string') await checkedPayload(task, payload);
    const bytes = encodeContent(payload);
    if (bytes !== null && bytes.length > this.#maxPayloadBytes) {
      throw new TaskCenterError('payload-too-large', { got: bytes.length, limit: this.#maxPayloadBytes });
    }
    const { type, defaults } = typeof task === 'string' ? { type: task, defaults: {} as TaskDefaults } : task;
    const headers = { ...defaults.headers, ...options.headers };
    const all = { maxRetries: this.#maxRetries, ...defaults, ...options, headers };
    return newTask({ type, payload: bytes, options: all }, this.#runtime);
  }
}

/** Ours as they are; what is not ours is a defect and goes on up. */
function asError(error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  throw error;
}
