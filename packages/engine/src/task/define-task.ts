import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Duration } from '@task-center/model';
import { createOptionsCheck, isOptions, type OptionRows } from '../checks/options.ts';
import { checkOf, passes, lengthOfTime, durationWithin, type ValueCheck } from '../checks/values.ts';
import { invalidValue, messageOf, TaskCenterError } from '../errors/task-center-error.ts';
import { checkedGroup, checkedQueueName, checkedRetries, checkedTypeName, UNIQUE_BOUNDS } from './checked.ts';
import { checkedHeaders, mergeHeaders, type TaskHeaders } from './headers.ts';

/** Options that all tasks of a type share. The options of a single task override them. */
export interface TaskDefaults {
  /**
   * The queue that the task waits in. 1 to 255 bytes, not blank, without braces and control characters; case and blanks
   * are kept. A name that ends in `~` and letters or digits is reserved. Default `default`.
   */
  readonly queue?: string;
  /**
   * Retries after the first attempt, at most 1,000; 0 or less means one attempt only. A task that has used them up is
   * archived. Default 3; with the client's profile `asynq` 25.
   */
  readonly maxRetries?: number;
  /**
   * Longest time of one attempt, at most ten years; `'0s'` means no limit. When it is over, the attempt's signal aborts
   * and the attempt counts as failed. A Go worker sees whole seconds, at least 1. Default 30 min, as in Asynq; none if
   * the task has a `deadline`.
   */
  readonly timeout?: Duration;
  /**
   * How long a completed task stays in the broker with its result and its attempts, at most ten years; a cancelled one
   * stays for at least an hour. Stored in whole seconds, rounded up. The ID is taken until the task is removed, but a
   * unique lock ends with the success. Archived tasks are not limited by it; on Redis Asynq's limits apply to them (90
   * days, 9,999 tasks of a queue). Default 0: a task is removed as soon as it completes.
   */
  readonly retention?: Duration;
  /**
   * Length of the task's unique lock: while it lasts, no other task with the same queue, type, payload and business is
   * stored, and `enqueue` fails with `duplicate-task`. Only tasks that have `unique` themselves take the lock and are
   * refused by it. At least 1 s, in whole seconds (parts of a second are dropped). Default: no lock.
   *
   * The time runs from the task's earliest start: a task delayed by an hour with `unique: '10m'` holds its lock for 70
   * min. The lock ends earlier when the task succeeds, is removed, or is aggregated with its group. It stays while the
   * task is retried and after it was archived. A task that outlives its lock runs on, and a second one may then be
   * stored beside it. The payload is compared byte for byte, and no payload differs from an empty one. See
   * docs/design/protocol.md#unique-locks.
   */
  readonly unique?: Duration;
  /**
   * The group that the task waits in, once it is due, until a worker with the option `aggregation` makes one task of
   * all tasks of the group. No handler sees the task itself; without such a worker on its queue it waits for ever. Its
   * state is then `aggregating`. Any text of 1 to 255 bytes that is not blank. A group belongs to its queue; types may
   * be mixed. Default: none, the task runs by itself. See docs/design/protocol.md#groups-and-aggregation-sets.
   */
  readonly group?: string;
  /**
   * Metadata that handlers see, those in Go as well: at most 64 texts of 16 KiB together, names and the fields of `context`
   * included. The fields of `context` override it. Default: none.
   */
  readonly headers?: Readonly<Record<string, string>>;
}

const DEFAULTS_ROWS: OptionRows<TaskDefaults> = {
  queue: (value) => void checkedQueueName(value as string),
  maxRetries: (value) => void checkedRetries(value as number),
  timeout: lengthOfTime,
  retention: lengthOfTime,
  unique: durationWithin(UNIQUE_BOUNDS),
  group: (value) => void checkedGroup(value as string),
  headers: (value) => void checkedHeaders(mergeHeaders(undefined, value as TaskHeaders)),
};

/** What `defineTask` is given: the schemas of a type's payload and result, and the defaults of its tasks. */
export interface TaskOptions<Input, Output, Returned, Result> extends TaskDefaults {
  /**
   * Any Standard Schema (zod, valibot, arktype). Checked when a task is enqueued, and again when it is handled. Default: any
   * payload.
   */
  readonly payload?: StandardSchemaV1<Input, Output>;
  /**
   * The schema of what the handler returns. Checked when it has returned, and again by those who wait for the result. Default:
   * any result.
   */
  readonly result?: StandardSchemaV1<Returned, Result>;
}

/**
 * A task's type with its schemas and its defaults, shared by the code that enqueues and the code that handles. `Input` is
 * enqueued, the handler gets `Output` and returns `Returned`, and those who wait for it get `Result`.
 */
export interface TaskDefinition<Input = unknown, Output = Input, Returned = unknown, Result = Returned> {
  readonly type: string;
  /** Undefined = any payload. */
  readonly payload: StandardSchemaV1<Input, Output> | undefined;
  /** Undefined = any result. */
  readonly result: StandardSchemaV1<Returned, Result> | undefined;
  readonly defaults: TaskDefaults;
}

/** A definition of any types; `TaskDefinition<Input, …>` of all others extends it. */
type AnyDefinition = TaskDefinition<unknown, unknown, unknown, unknown>;

/** What callers enqueue for a task: what its schema takes. */
export type InputOf<Definition extends AnyDefinition> =
  Definition extends TaskDefinition<infer Input, unknown, unknown, unknown> ? Input : never;

/** What those who wait for a task get: what the schema of its result gives. */
export type ResultOf<Definition extends AnyDefinition> =
  Definition extends TaskDefinition<unknown, unknown, unknown, infer Result> ? Result : never;

/** The definition, if its schema takes no payload as well; else nothing. The compiler then asks for the payload. */
export type WithoutPayload<Definition extends AnyDefinition> =
  undefined extends InputOf<Definition> ? Definition : never;

/** The name of a type, or a definition. */
export const taskOrDefinition = checkOf(
  'the name of a type, or a definition that defineTask returned',
  (value) =>
    typeof value === 'string' ||
    (isOptions(value) && typeof value['type'] === 'string' && isOptions(value['defaults'])),
);

/**
 * Declares a type of tasks with its schemas and its defaults in one place.
 *
 * @throws TaskCenterError `invalid-value` for a type that is blank, has more than 255 bytes, or braces or control
 *   characters; for a schema that is none.
 */
export function defineTask<Input = unknown, Output = Input, Returned = unknown, Result = Returned>(
  type: string,
  options: TaskOptions<Input, Output, Returned, Result> = {},
): TaskDefinition<Input, Output, Returned, Result> {
  if (passes(isSchema, options))
    throw invalidValue('options', options, 'an object; the schema of the payload is its field `payload`');
  const { payload, result, ...defaults } = checkTaskOptions(options) as typeof options;
  return { type: checkedTypeName(type), payload, result, defaults };
}

/** Arktype's schemas are functions. */
const isSchema = (value: unknown): boolean =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  typeof (value as Partial<StandardSchemaV1>)['~standard']?.validate === 'function';

const schemaCheck: ValueCheck = checkOf(
  'a Standard Schema, such as one of zod, valibot or arktype',
  isSchema,
);

const checkTaskOptions = createOptionsCheck<TaskOptions<unknown, unknown, unknown, unknown>>('defineTask', {
  ...DEFAULTS_ROWS,
  payload: schemaCheck,
  result: schemaCheck,
});

/** A value that a schema checks: the payload or the result of a type. */
interface CheckedPart {
  readonly type: string;
  readonly part: 'payload' | 'result';
}

/** Runs the schema. One that throws instead of returning issues refuses the value as well. */
async function validate<Output>(
  { type, part }: CheckedPart,
  schema: StandardSchemaV1<unknown, Output>,
  value: unknown,
): Promise<StandardSchemaV1.Result<Output>> {
  try {
    return await schema['~standard'].validate(value);
  } catch (error) {
    const got = messageOf(error);
    const expected = `a ${part} that the schema of the type can read`;
    throw new TaskCenterError(
      'invalid-value',
      { name: `${part} of "${type}"`, got, expected },
      { cause: error },
    );
  }
}

/** The value as the schema returns it. @throws TaskCenterError `invalid-value` with the first issue and its path. */
async function checkedBySchema<Output>(
  checked: CheckedPart,
  schema: StandardSchemaV1<unknown, Output> | undefined,
  value: unknown,
): Promise<Output> {
  if (!schema) return value as Output;
  const outcome = await validate(checked, schema, value);
  if (outcome.issues === undefined) return outcome.value;
  const { type, part } = checked;
  const [issue] = outcome.issues;
  const path = (issue?.path ?? [])
    .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
    .join('.');
  throw new TaskCenterError('invalid-value', {
    name: `${part} of "${type}"${path === '' ? '' : ` at ${path}`}`,
    got: issue?.message ?? 'a fault',
    expected: `a ${part} that fits the schema of the type`,
  });
}

/**
 * The payload as the schema returns it, which may differ from its input (defaults, conversions).
 *
 * @throws TaskCenterError `invalid-value` with the first issue and its path.
 */
export function checkedPayload<Output>(
  { type, payload: schema }: TaskDefinition<unknown, Output>,
  payload: unknown,
): Promise<Output> {
  return checkedBySchema({ type, part: 'payload' }, schema, payload);
}

/** The same for the result. @throws TaskCenterError `invalid-value` */
export function checkedResult<Result>(
  { type, result: schema }: TaskDefinition<unknown, unknown, unknown, Result>,
  result: unknown,
): Promise<Result> {
  return checkedBySchema({ type, part: 'result' }, schema, result);
}
