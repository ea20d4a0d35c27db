import type { StandardSchemaV1 } from '@standard-schema/spec';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { checkedTypeName } from './queue-name.ts';

/** A task's type with the shape of its payload, shared by those who enqueue and those who handle. */
export interface TaskDefinition<Input = unknown, Output = Input> {
  readonly type: string;
  /** Any Standard Schema (zod, valibot, arktype). Checked when a task is enqueued and when it is handled. */
  readonly schema: StandardSchemaV1<Input, Output>;
}

/**
 * Names a type and its schema once.
 *
 * @throws TaskCenterError `invalid-value` for a type of 0 or over 128 bytes, with braces or control characters.
 */
export function defineTask<Input, Output>(
  type: string,
  schema: StandardSchemaV1<Input, Output>,
): TaskDefinition<Input, Output> {
  return { type: checkedTypeName(type), schema };
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
  const outcome = await schema['~standard'].validate(payload);
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
