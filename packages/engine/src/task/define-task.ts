import type { StandardSchemaV1 } from '@standard-schema/spec';
import { TaskCenterError } from '../errors/task-center-error.ts';
import type { Duration } from './duration.ts';
import { checkedTypeName } from './queue-name.ts';

/** What all tasks of a type have unless they say otherwise. */
export interface TaskDefaults {
  /** 1 to 255 bytes, not blank, kept as it is. Default `default`. */
  readonly queue?: string;
  /** Retries after the first attempt; 0 or less = one attempt only; up to 1,000. Default: the client's, 3. */
  readonly maxRetries?: number;
  /** Longest time of one attempt; then its signal aborts and it counts as failed. Default 30 min, as in Asynq. */
  readonly timeout?: Duration;
  /** How long the completed task and its result are kept. Default 0: it vanishes, as in Asynq. */
  readonly retention?: Duration;
  /**
   * For so long no other task with the same type, payload and queue is stored; at least 1 s, counted from the start
   * of a delayed task. It ends earlier with the task's success or removal. Default: no such rule.
   */
  readonly unique?: Duration;
  /** Group to wait in until its tasks are aggregated into one; any text of 1 to 255 bytes. Default: none. */
  readonly group?: string;
  /** Metadata that handlers see, Go's too. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A task's type with the shape of its payload, shared by those who enqueue and those who handle. */
export interface TaskDefinition<Input = unknown, Output = Input> {
  readonly type: string;
  /** Any Standard Schema (zod, valibot, arktype). Checked when a task is enqueued and when it is handled. */
  readonly schema: StandardSchemaV1<Input, Output>;
  readonly defaults: TaskDefaults;
}

/**
 * Names a type, its schema and its defaults once.
 *
 * @throws TaskCenterError `invalid-value` for a type that is blank or over 255 bytes, or with braces or control characters.
 */
export function defineTask<Input, Output>(
  type: string,
  schema: StandardSchemaV1<Input, Output>,
  defaults: TaskDefaults = {},
): TaskDefinition<Input, Output> {
  return { type: checkedTypeName(type), schema, defaults };
}

/** A schema that throws instead of naming faults refuses, too. */
async function validated<Output>(
  type: string,
  schema: StandardSchemaV1<unknown, Output>,
  payload: unknown,
): Promise<StandardSchemaV1.Result<Output>> {
  try {
    return await schema['~standard'].validate(payload);
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    const expected = 'a payload that the schema of the type can read';
    throw new TaskCenterError(
      'invalid-value',
      { name: `payload of "${type}"`, got, expected },
      { cause: error },
    );
  }
}

/**
 * The payload as the schema reads it.
 *
 * @throws TaskCenterError `invalid-value` with the first fault and its place.
 */
export async function checkedPayload<Output>(
  { type, schema }: TaskDefinition<unknown, Output>,
  payload: unknown,
): Promise<Output> {
  const outcome = await validated(type, schema, payload);
  if (outcome.issues === undefined) return outcome.value;
  const [issue] = outcome.issues;
  const place = (issue?.path ?? [])
    .map((part) => String(typeof part === 'object' ? part.key : part))
    .join('.');
  throw new TaskCenterError('invalid-value', {
    name: `payload of "${type}"${place === '' ? '' : ` at ${place}`}`,
    got: issue?.message ?? 'a fault',
    expected: 'a payload that fits the schema of the type',
  });
}
