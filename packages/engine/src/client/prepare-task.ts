import { DEFAULT_RETRY_POLICY, DEFAULT_TIMEOUT_MS } from '@task-center/model';
import type { Durability, NewTask } from '../broker/submit.ts';
import { createNamesCheck, createOptionsCheck, type OptionRows } from '../checks/options.ts';
import { oneOf, wholeNumber } from '../checks/values.ts';
import { invalidValue, messageOf, TaskCenterError } from '../errors/task-center-error.ts';
import { createRuntime, runtimePart, type Runtime } from '../runtime/runtime.ts';
import { checkedPayload, taskOrDefinition, type TaskDefinition } from '../task/define-task.ts';
import { mergeHeaders } from '../task/headers.ts';
import { encodeGiven } from '../task/payload.ts';
import { checkReadBack } from '../task/read-back.ts';
import { draftTask } from './draft-task.ts';
import { ENQUEUE_NAMES, type EnqueueOptions } from './enqueue-options.ts';
import { makeTask, type DraftDefaults } from './make-task.ts';

/** A task as callers describe it: its type, its payload and its options in one object. */
export type TaskToEnqueue<Input = unknown> = EnqueueOptions & {
  /** The name of a type, or a definition, whose schema then checks the payload. */
  readonly task: string | TaskDefinition<Input, unknown>;
} & PayloadField<Input>;

/** The compiler takes the type of the payload from the definition alone; it asks for the field unless there may be no payload. */
type PayloadField<Input> = undefined extends Input
  ? {
      /** Bytes are stored as they are, any other value as JSON, in full: docs/json.md. Left out = no payload. */
      readonly payload?: NoInfer<Input>;
    }
  : {
      /** Bytes are stored as they are, any other value as JSON, in full: docs/json.md. */
      readonly payload: NoInfer<Input>;
    };

/** An item with the payload of its own task, and without fields that are not known. */
type OwnPayload<Item, Known> = (Item extends { readonly task: TaskDefinition<infer Input, unknown> }
  ? Item & PayloadField<Input>
  : Item) & { readonly [Name in Exclude<keyof Item, keyof Known>]: never };

/** Tasks of many types, each with the payload of its own type. */
export type TasksToEnqueue<Items extends readonly Known[], Known = TaskToEnqueue> = {
  readonly [I in keyof Items]: OwnPayload<Items[I], Known>;
};

/** A task in one object, with names that are known. The values are checked when it is prepared. */
export const checkTaskToEnqueue = createNamesCheck<TaskToEnqueue>('a task', {
  ...ENQUEUE_NAMES,
  task: true,
  payload: true,
});

/** Options of a client. */
export interface PrepareOptions {
  /** Largest payload in bytes, after encoding. Default 262,144 (256 KiB); brokers take up to 4 MiB. */
  readonly maxPayloadBytes?: number;
  /** `asynq`: a task without `maxRetries` has 25 retries, as in Asynq. Default: it has 3. */
  readonly profile?: 'asynq';
  /** Clock, IDs, log and events, for tests and for embedding. Default: those of the system, and the log of the broker. */
  readonly runtime?: Partial<Runtime>;
}

export const PREPARE_ROWS: OptionRows<PrepareOptions> = {
  maxPayloadBytes: wholeNumber(1),
  profile: oneOf(['asynq']),
  runtime: runtimePart,
};

export const checkClientOptions = createOptionsCheck<PrepareOptions>('Client', PREPARE_ROWS);

/** The options of a client among those of something that has one. */
export const clientOptionsOf = (
  { maxPayloadBytes, profile }: PrepareOptions,
  runtime: Runtime,
): PrepareOptions => ({
  runtime,
  ...(maxPayloadBytes !== undefined && { maxPayloadBytes }),
  ...(profile !== undefined && { profile }),
});

/**
 * Checks a task and completes it with all defaults. For the name of a type the task is returned synchronously. For a
 * definition it is a promise, because a schema may be asynchronous.
 *
 * @throws TaskCenterError `invalid-value`, `payload-too-large`, and nothing else; a promise rejects with it
 */
export type PrepareTask = (
  task: string | TaskDefinition,
  payload: unknown,
  options: EnqueueOptions,
) => NewTask | Promise<NewTask>;

export const DURABILITIES: readonly Durability[] = ['memory', 'replicated', 'fsync'];
/** Asynq's own default. */
const ASYNQ_RETRIES = 25;
export const DEFAULT_MAX_PAYLOAD_BYTES = 256 * 1_024;

function checkDurability(durability: string | undefined): void {
  if (durability === undefined || DURABILITIES.some((known) => known === durability)) return;
  throw invalidValue('durability', durability, DURABILITIES.join(', '));
}

/**
 * The error of a task that could not be prepared. What was given may throw when it is read: a getter, a proxy, an object that
 * is not what its type says.
 */
export function preparationError(error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  const got = `a value that cannot be read: ${messageOf(error)}`;
  const expected = 'plain values of the types that EnqueueOptions names';
  return new TaskCenterError('invalid-value', { name: 'The task', got, expected }, { cause: error });
}

/** Creates the function with which clients, aggregators and schedulers prepare their tasks. */
export function createPrepareTask(defaults: PrepareOptions = {}): PrepareTask {
  const runtime = createRuntime(defaults.runtime);
  const limit = defaults.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
  // As in Asynq, the default timeout is for tasks that have neither a timeout nor a deadline.
  const taskDefaults: DraftDefaults = {
    maxRetries: defaults.profile === 'asynq' ? ASYNQ_RETRIES : DEFAULT_RETRY_POLICY.maxRetries,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    timeoutWithDeadlineMs: 0,
    retentionMs: 0,
  };

  function build(type: string, content: unknown, options: EnqueueOptions): NewTask {
    checkDurability(options.durability);
    const payload = encodeGiven('payload', content);
    if (payload !== null && payload.length > limit) {
      throw new TaskCenterError('payload-too-large', { got: payload.length, limit });
    }
    const draft = draftTask({ type, payload, options }, runtime.clock.wallMs());
    return makeTask(draft, taskDefaults, runtime);
  }

  async function buildDefined(
    task: TaskDefinition,
    payload: unknown,
    options: EnqueueOptions,
  ): Promise<NewTask> {
    const headers = mergeHeaders(task.defaults.headers, options.headers);
    const output = await checkedPayload(task, payload);
    if (task.payload) {
      const name = `payload of "${task.type}"`;
      await checkReadBack({ name, value: payload, output, check: (read) => checkedPayload(task, read) });
    }
    return build(task.type, payload, { ...task.defaults, ...options, headers });
  }

  return (task, payload, options) => {
    try {
      if (typeof task === 'string') return build(task, payload, options);
      taskOrDefinition(task, 'task');
    } catch (error) {
      throw preparationError(error);
    }
    return buildDefined(task, payload, options).catch((error: unknown) => {
      throw preparationError(error);
    });
  };
}
