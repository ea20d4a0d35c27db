// What a client may say about a task when it submits it. Every field is optional and has its description, which OpenAPI
// shows with the default and the limits. See docs/design/http-api.md#submission.

import * as z from 'zod';
import {
  DAY_MS,
  DEFAULT_RETRY_POLICY,
  MAX_DURATION_MS,
  MAX_RETRIES,
  PATIENT_RETRY_POLICY,
  type Backoff,
} from '@task-center/model';
import { backoff } from './backoff.ts';
import { callbackInput } from './callback.ts';
import { limits } from '../limits.ts';
import { choice, strict } from '../strict.ts';
import {
  base64,
  businessId,
  duration,
  instant,
  mediaType,
  submittedQueueName,
  submittedTypeName,
  tag,
  taskId,
  traceId,
  traceparent,
  tracestate,
  userId,
} from '../values.ts';

/** Priorities by name, each with the queue that it stands for: a priority is another way to choose a built-in queue. */
export const priorityQueues = { critical: 'critical', high: 'high', normal: 'default', low: 'low' } as const;
export type Priority = keyof typeof priorityQueues;
/** Priorities by number: 0 is low, 3 is critical. */
export const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const satisfies readonly Priority[];

/** A priority by name or by number. Either one selects a built-in queue; only the queue is stored. */
const priority = z.union([z.enum(PRIORITIES).meta({ id: 'Priority' }), z.literal([0, 1, 2, 3])], {
  error: 'must be critical, high, normal, low or 3, 2, 1, 0',
});

const maxRetries = z.int().min(0).max(MAX_RETRIES).meta({
  description: 'Retries after the first attempt, 0 to 1,000; a task that has used them up is archived',
});
/** `backoff` says when a task runs again, `max_retries` how often. `rules` is reserved: it will decide by the kind of failure. */
const retryPolicy = strict(
  { max_retries: maxRetries.default(DEFAULT_RETRY_POLICY.maxRetries), backoff: backoff.optional() },
  ['rules'],
).meta({ id: 'RetryPolicy' });

/** Retry policies by name. They differ only in their number of retries, and only that number is stored. */
const PRESETS = { default: DEFAULT_RETRY_POLICY, patient: PATIENT_RETRY_POLICY } as const;

/** The retries of a submitted task. `backoff` is absent where it does not have its own. */
export interface CheckedRetry {
  readonly maxRetries: number;
  readonly backoff?: Backoff;
}

/** When a failed task runs again: a preset, or a policy of its own. */
const retryInput = z.union(
  [
    z
      .enum(['default', 'patient'])
      .meta({ id: 'RetryPreset' })
      .transform((name): CheckedRetry => ({ maxRetries: PRESETS[name].maxRetries })),
    retryPolicy.transform(({ max_retries, ...own }): CheckedRetry => ({
      maxRetries: max_retries,
      ...(own.backoff !== undefined && { backoff: own.backoff }),
    })),
  ],
  { error: 'must be default, patient or an object {max_retries, backoff}' },
);

/** Adds a description to a field, and keeps its examples. A name stays with the schema that has it. */
function about<S extends z.ZodType>(schema: S, description: string): S {
  const { id: _, ...known } = z.globalRegistry.get(schema) ?? {};
  return schema.meta({ ...known, description });
}

/** JSON of any form. The service stores its text byte for byte; the client takes a value or a `RawJson`. */
const anyJson = z.unknown();

/** The fields by name. `taskInput` makes each of them optional; `batchDefaults` reuses them. */
const shape = {
  id: about(taskId, 'The ID, 1-100 of A-Z a-z 0-9 _ : -; a taken one is refused. Default: a new UUID'),
  type: about(
    submittedTypeName,
    'Chooses the handler, 1-128 bytes. Required unless there is a callback; then the default is callback',
  ),
  queue: about(
    submittedQueueName,
    'The queue, 1-128 bytes. If priority is given, too, both must name the same queue. Default: default',
  ),
  priority: about(
    priority,
    'Chooses a built-in queue: critical (3), high (2), normal (1, the queue default) or low (0)',
  ),
  payload: about(
    anyJson,
    'Any JSON, at most 256 KiB; its text is kept byte for byte. Only one payload field may be given',
  ),
  payload_text: z
    .string()
    .meta({ maxLength: limits.payloadBytes, description: 'The payload as text, at most 256 KiB' }),
  payload_base64: base64.meta({
    maxLength: 4 * Math.ceil(limits.payloadBytes / 3),
    description: 'The payload as base64 of its bytes, at most 256 KiB of them',
  }),
  content_type: about(
    mediaType,
    'Media type of the payload. Default: application/json, or that of the other payload fields',
  ),
  business_id: about(
    businessId,
    'The business that owns the task; IDs of two businesses are separate. Default: that of the key, if it has just one',
  ),
  user_id: about(userId, 'The user that the task belongs to; passed on to handlers and callbacks'),
  tags: z
    .array(tag)
    .max(limits.tags, { error: `must be at most ${limits.tags} tags` })
    .meta({ description: `Labels of the task, at most ${limits.tags}` }),
  traceparent: about(
    traceparent,
    'W3C trace context. Default: that of trace_id, else the header of the request, else a new trace',
  ),
  tracestate: about(tracestate, 'W3C trace state, with traceparent'),
  trace_id: about(traceId, 'The trace, 32 hexadecimal digits; with traceparent it must be the same one'),
  delay: duration(
    0,
    MAX_DURATION_MS,
    'Earliest start as a time from now. Not together with run_at. Default: at once',
  ),
  run_at: instant('Earliest start as a time; one in the past means now. Not together with delay'),
  deadline: instant('No attempt runs after this time; it covers all attempts. Default: none'),
  timeout: duration(
    1_000,
    7 * DAY_MS,
    'Longest time of one attempt, 1s to 7d, for callbacks to 15m. Default: 30m, for callbacks 10s',
  ),
  retry: about(
    retryInput,
    'When a failed task runs again. Default: 3 retries, 1s doubling to 300s; patient: 15 retries',
  ),
  retention: duration(
    0,
    90 * DAY_MS,
    'How long the completed task is kept with its result, 0s to 90d; a cancelled one at least 1h. Default: 24h',
  ),
  durability: about(
    choice(['memory'], ['replicated', 'fsync']).meta({ id: 'Durability' }),
    'memory: stored as the broker stores all tasks',
  ),
  callback: callbackInput,
};

/** Fields of the contract that a later version will take. */
const notBuilt = ['unique', 'debounce', 'after', 'on_dependency_failure', 'limit_key', 'fair_key', 'max_age'];

/** Has all of these fields. Linters want each field that is required to be described where it is. */
const having = (...names: readonly string[]) => ({
  properties: Object.fromEntries(names.map((name) => [name, {}])),
  required: names,
});

/** Rules between fields that JSON Schema can express. The service checks all rules itself. */
const NOT_TOGETHER = {
  not: { anyOf: [having('delay', 'run_at'), having('payload_text', 'payload_base64')] },
};

/** A task as it is submitted. Every field is optional, but one of `type` and `callback` is needed. */
export const taskInput = strict(
  Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, schema.optional()])) as {
    [F in keyof typeof shape]: z.ZodOptional<(typeof shape)[F]>;
  },
  notBuilt,
).meta({ id: 'TaskInput', ...NOT_TOGETHER });

/** A task that is submitted alone: no defaults of a batch can give it a type. */
export const singleTaskInput = taskInput.meta({
  if: { not: having('callback') },
  // oxlint-disable-next-line unicorn/no-thenable
  then: having('type'),
});

/**
 * Fields that the tasks of a batch share. A task's own field overrides them. They have no `id`, which is each task's
 * own.
 */
export const batchDefaults = strict(
  Object.fromEntries(Object.entries(taskInput.shape).filter(([name]) => name !== 'id')) as Omit<
    typeof taskInput.shape,
    'id'
  >,
  notBuilt,
).meta({ id: 'TaskDefaults', description: 'Fields that all tasks of the batch take which do not have them' });

/** A task as a client writes it: durations and times are texts. */
export type TaskInput = z.input<typeof taskInput>;
/** A submitted task with each field decoded: durations in ms, times as wall-clock ms. Rules between fields are the service's. */
export type CheckedTask = z.output<typeof taskInput>;
