import type { Durability, NewTask } from '../broker/submit.ts';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import { DEFAULT_RETRY_POLICY } from '../policies/retry-policy.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { checkedPayload, type TaskDefinition } from '../task/define-task.ts';
import { encodeContent } from '../task/payload.ts';
import type { EnqueueOptions } from './enqueue-options.ts';
import { newTask } from './new-task.ts';

/** A task as callers describe it. */
export interface TaskToEnqueue extends EnqueueOptions {
  readonly task: string | TaskDefinition;
  readonly payload?: unknown;
}

export interface PrepareOptions {
  /** Largest payload, bytes. Default 256 KiB, at most 4 MiB. */
  readonly maxPayloadBytes?: number;
  /** `asynq`: what a task does not say is as in Asynq, 25 retries. Default: 3 retries. */
  readonly profile?: 'asynq';
  readonly runtime?: Partial<Runtime>;
}

/**
 * Decides and checks all that a task needs: at once for a type, later for a definition, whose schema may take its time.
 *
 * @throws TaskCenterError `invalid-value`, `payload-too-large`; or rejects with it
 */
export type PrepareTask = (
  task: string | TaskDefinition,
  payload: unknown,
  options: EnqueueOptions,
) => NewTask | Promise<NewTask>;

export const DURABILITIES: readonly Durability[] = ['memory', 'replicated', 'fsync'];
/** Protocol 2.5. */
const ASYNQ_RETRIES = 25;
const MAX_PAYLOAD_BYTES = 256 * 1_024;

function checkDurability(durability: string | undefined): void {
  if (durability === undefined || DURABILITIES.some((known) => known === durability)) return;
  throw new TaskCenterError('invalid-value', {
    name: 'durability',
    got: shown(durability),
    expected: DURABILITIES.join(', '),
  });
}

/** Callers in JavaScript have nobody who checks their types. */
function checkTask(task: Partial<TaskDefinition> | null | undefined): void {
  const { type, schema } = task ?? {};
  if (typeof type === 'string' && schema !== undefined) return;
  const expected = 'the name of a type, or what defineTask gives';
  throw new TaskCenterError('invalid-value', { name: 'task', got: shown(task), expected });
}

/** @throws TaskCenterError `invalid-value` for what JSON cannot hold */
function encodedPayload(content: unknown): Uint8Array | null {
  try {
    return encodeContent(content);
  } catch (error) {
    const got = (error as Error).message;
    const expected = 'bytes, or what JSON can hold';
    throw new TaskCenterError('invalid-value', { name: 'payload', got, expected }, { cause: error });
  }
}

/** Whoever makes tasks makes them with this: clients, aggregators, schedulers. */
export function createPrepareTask(defaults: PrepareOptions = {}): PrepareTask {
  const runtime = createRuntime(defaults.runtime);
  const limit = defaults.maxPayloadBytes ?? MAX_PAYLOAD_BYTES;
  const maxRetries = defaults.profile === 'asynq' ? ASYNQ_RETRIES : DEFAULT_RETRY_POLICY.maxRetries;

  function made(type: string, content: unknown, options: EnqueueOptions): NewTask {
    checkDurability(options.durability);
    const payload = encodedPayload(content);
    if (payload !== null && payload.length > limit) {
      throw new TaskCenterError('payload-too-large', { got: payload.length, limit });
    }
    return newTask({ type, payload, options, maxRetries: options.maxRetries ?? maxRetries }, runtime);
  }

  return (task, payload, options) => {
    if (typeof task === 'string') return made(task, payload, options);
    checkTask(task);
    const { type } = task;
    const headers = { ...task.defaults.headers, ...options.headers };
    return checkedPayload(task, payload).then(() =>
      made(type, payload, { ...task.defaults, ...options, headers }),
    );
  };
}
