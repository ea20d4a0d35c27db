import type { Durability, NewTask } from '../broker/submit.ts';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import { DEFAULT_RETRY_POLICY } from '../policies/retry-policy.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { checkedPayload, type TaskDefaults, type TaskDefinition } from '../task/define-task.ts';
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

/** Decides and checks all that a task needs. Rejects with `invalid-value` or `payload-too-large`. */
export type PrepareTask = (task: TaskToEnqueue) => Promise<NewTask>;

export const DURABILITIES: readonly Durability[] = ['memory', 'replicated', 'fsync'];
/** Protocol 2.5. */
const ASYNQ_RETRIES = 25;
const LARGEST_PAYLOAD = 256 * 1_024;

function checkDurability(durability: string | undefined): void {
  if (durability === undefined || DURABILITIES.some((known) => known === durability)) return;
  throw new TaskCenterError('invalid-value', {
    name: 'durability',
    got: shown(durability),
    expected: DURABILITIES.join(', '),
  });
}

/** Whoever makes tasks makes them with this: clients, aggregators, schedulers. */
export function createPrepareTask(options: PrepareOptions = {}): PrepareTask {
  const runtime = createRuntime(options.runtime);
  const limit = options.maxPayloadBytes ?? LARGEST_PAYLOAD;
  const maxRetries = options.profile === 'asynq' ? ASYNQ_RETRIES : DEFAULT_RETRY_POLICY.maxRetries;
  return async ({ task, payload, ...given }) => {
    if (typeof task !== 'string') await checkedPayload(task, payload);
    checkDurability(given.durability);
    const bytes = encodeContent(payload);
    if (bytes !== null && bytes.length > limit) {
      throw new TaskCenterError('payload-too-large', { got: bytes.length, limit });
    }
    const { type, defaults } = typeof task === 'string' ? { type: task, defaults: {} as TaskDefaults } : task;
    const headers = { ...defaults.headers, ...given.headers };
    return newTask(
      { type, payload: bytes, options: { maxRetries, ...defaults, ...given, headers } },
      runtime,
    );
  };
}
