import * as z from 'zod';
import { callbackInput } from './callback.ts';
import { limits } from './limits.ts';
import { choice, strict } from './strict.ts';
import {
  base64,
  businessId,
  duration,
  instant,
  mediaType,
  queueName,
  tag,
  taskId,
  traceId,
  traceparent,
  tracestate,
  typeName,
  userId,
} from './values.ts';

const DAY_MS = 86_400_000;

/** Priorities by name and number, and the queue that each stands for. */
export const priorityQueues = { critical: 'critical', high: 'high', normal: 'default', low: 'low' } as const;
export type Priority = keyof typeof priorityQueues;
/** By number: 0 is low, 3 is critical. */
export const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const satisfies readonly Priority[];

const priority = z.union([z.enum(PRIORITIES), z.literal([0, 1, 2, 3])], {
  error: 'must be critical, high, normal, low or 3, 2, 1, 0',
});

const share = z.number().min(0).max(1).default(0.25);
const wait = duration(0, 30 * DAY_MS);
const maxRetries = z.int().min(0).max(1_000).meta({ description: 'Retries after the first attempt' });
const BACKOFF = 'must be an object whose kind is exponential, linear, fixed or list';

const backoff = z.discriminatedUnion(
  'kind',
  [
    strict({
      kind: z.literal('exponential'),
      initial: wait.default('1s'),
      max: wait.default('300s'),
      factor: z.number().min(1).max(100).default(2),
      jitter: share,
    }),
    strict({
      kind: z.literal('linear'),
      initial: wait,
      step: wait,
      max: wait.default('300s'),
      jitter: share,
    }),
    strict({ kind: z.literal('fixed'), delay: wait, jitter: share }),
    strict({ kind: z.literal('list'), delays: z.array(wait).min(1).max(100), jitter: share }),
  ],
  { error: BACKOFF },
);

const retryPolicy = strict({ max_retries: maxRetries.default(3), backoff: backoff.optional() }, ['rules']);

/** When a failed task runs again: a preset, or a policy (api section 5). */
const retry = z.union([z.enum(['default', 'patient']), retryPolicy], {
  error: 'must be default, patient or an object {max_retries, backoff}',
});

/** JSON of any form. On the wire its text is kept byte for byte; a client gives a value or a `RawJson`. */
const anyJson = z.unknown().meta({ description: 'Any JSON; its text is kept byte for byte' });

const shape = {
  id: taskId,
  type: typeName,
  queue: queueName,
  priority,
  payload: anyJson,
  payload_text: z.string(),
  payload_base64: base64,
  content_type: mediaType,
  business_id: businessId,
  user_id: userId,
  tags: z.array(tag).max(limits.tags, { error: `must be at most ${limits.tags} tags` }),
  traceparent,
  tracestate,
  trace_id: traceId,
  delay: duration(0),
  run_at: instant,
  deadline: instant,
  timeout: duration(1_000, 7 * DAY_MS),
  retry,
  retention: duration(0, 90 * DAY_MS),
  durability: choice(['memory'], ['replicated', 'fsync']),
  callback: callbackInput,
};

const later = ['unique', 'debounce', 'after', 'on_dependency_failure', 'limit_key', 'fair_key', 'max_age'];

/** A task as it is submitted (api section 2); all fields may be left out, but one of `type` and `callback`. */
export const taskInput = strict(
  Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, schema.optional()])) as {
    [F in keyof typeof shape]: z.ZodOptional<(typeof shape)[F]>;
  },
  later,
);

/** Fields that all tasks of a batch share unless they have their own; an ID is each task's own. */
export const batchDefaults = strict(
  Object.fromEntries(Object.entries(taskInput.shape).filter(([name]) => name !== 'id')) as Omit<
    typeof taskInput.shape,
    'id'
  >,
  later,
);

/** A task as a client writes it. */
export type TaskInput = z.input<typeof taskInput>;
/** A submitted task, checked field by field. */
export type CheckedTask = z.output<typeof taskInput>;
export type RetryInput = NonNullable<CheckedTask['retry']>;
export type BackoffInput = z.output<typeof backoff>;
