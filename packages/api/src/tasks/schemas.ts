// A task as answers show it, with its attempts and parts, and the cancellation of a task. Answers are not checked when they
// are sent: these schemas only provide types for client and service, and the answers in OpenAPI. See
// docs/design/http-api.md#resources.

import * as z from 'zod';
import { ATTEMPT_OUTCOMES, TASK_KINDS, TASK_STATES, type TaskState } from '@task-center/model';
import { backoffAnswer } from './backoff.ts';
import { callback, shownHeaders } from './callback.ts';
import { count, maybe, text } from '../answers.ts';
import { strict } from '../strict.ts';
import { reason, time } from '../values.ts';

/** The states that queues count and that lists show; others are refused as not built yet. */
export const LISTED_STATES = [
  'scheduled',
  'pending',
  'active',
  'retry',
  'completed',
  'cancelled',
  'archived',
] as const satisfies readonly TaskState[];

/** The parts of a task that `include` can ask for. */
export const TASK_PARTS = ['payload', 'callback', 'attempts', 'result'] as const;

/** Why an attempt failed. `class`: `TypeError`, for a callback `http_status`, and so on. `status`: of the HTTP answer. */
const attemptError = z
  .object({
    class: text,
    message: text,
    status: maybe(z.int()),
    stack: text.optional().meta({
      description:
        'Where it was thrown, with its causes; with the first and the newest failed attempt of a handler, for operators and admins',
    }),
  })
  .meta({ id: 'AttemptError' });

/** The priority that a built-in queue stands for; null for all other queues. */
export const shownPriority = maybe(z.enum(['critical', 'high', 'normal', 'low']));

const headersTruncated = z
  .boolean()
  .meta({ description: 'Some headers are left out or shortened. Absent if none are' });

/** Those of callbacks have all fields but those that say so. A handler may record others of its own. */
const attemptRequest = z
  .looseObject({ method: text, url: text, headers: shownHeaders, headers_truncated: headersTruncated })
  .partial()
  .meta({ id: 'AttemptRequest', description: 'The request of a callback; secrets are ***' });
const attemptResponse = z
  .looseObject({
    status: z.int(),
    headers: shownHeaders,
    headers_truncated: headersTruncated,
    body: text.meta({ description: 'Absent if the body is not UTF-8' }),
    body_base64: text.meta({ description: 'The body, only if it is not UTF-8' }),
    truncated: z.boolean(),
    remote_address: maybe(text),
    connect_ms: maybe(z.number()),
    first_byte_ms: z.number(),
  })
  .partial()
  .meta({ id: 'AttemptResponse', description: 'What the receiver of a callback answered; secrets are ***' });

/** One attempt of a task. `wait_ms`: from due to started; `duration_ms`: from started to finished. */
export const attempt = z
  .object({
    number: z.int(),
    started_at: time,
    finished_at: time,
    duration_ms: count,
    wait_ms: maybe(count),
    outcome: z.enum(ATTEMPT_OUTCOMES),
    next_at: maybe(time),
    reason: maybe(text),
    error: maybe(attemptError),
    worker_id: maybe(text),
    request: maybe(attemptRequest),
    response: maybe(attemptResponse),
  })
  .meta({ id: 'Attempt' });

/** The error of the last attempt that failed. `class` and `attempt` are null where a Go worker ran it. */
const lastError = z
  .object({
    class: maybe(text),
    message: text,
    status: maybe(z.int()),
    at: maybe(time),
    attempt: maybe(z.int()),
  })
  .meta({ id: 'LastError' });

/** A preset is shown as its retries and backoff, because its name is not stored. */
const retry = z.object({ max_retries: count, backoff: backoffAnswer }).meta({ id: 'Retry' });

/**
 * Parts that an answer has only if they are asked for. A GET of a single task always has payload, callback and result.
 */
const parts = {
  payload: z.unknown(),
  payload_text: text,
  payload_base64: text,
  payload_truncated: z.boolean(),
  callback: maybe(callback),
  result: z.unknown(),
  result_content_type: maybe(text),
  result_truncated: z.boolean(),
  attempts: z.array(attempt),
};

const cancellation = z
  .object({
    mode: z.literal('soft'),
    outcome: z.enum(['cancelled_before_start', 'requested']),
    by: maybe(text),
    reason: maybe(text),
    at: time,
  })
  .meta({ id: 'Cancellation', description: 'The request to cancel a task' });

/** A task in an answer. Null = unknown or not reached. */
export const task = z
  .object({
    /** The ID as the task's owner knows it. Tasks of other queues, kinds or businesses may have the same one. */
    id: text,
    kind: z.enum(TASK_KINDS),
    type: text,
    /** The logical queue. */
    queue: text,
    priority: shownPriority,
    state: z.enum(TASK_STATES),
    business_id: maybe(text),
    user_id: maybe(text),
    tags: z.array(text),
    traceparent: maybe(text),
    tracestate: maybe(text),
    trace_id: maybe(text),
    content_type: maybe(text),
    created_at: maybe(time),
    /** When it may start; only while it is scheduled or in retry. */
    due_at: maybe(time),
    pending_at: maybe(time),
    started_at: maybe(time),
    /** When it was completed, cancelled or archived. */
    finished_at: maybe(time),
    /** When it will be removed. */
    purge_at: maybe(time),
    deadline: maybe(time),
    /** Longest time of one attempt, as a duration; null = no limit. */
    timeout: maybe(text),
    retention: text,
    retry,
    /** Attempts started, without those that were given back unfinished: `deferrals` counts those. */
    attempt: count,
    max_attempts: count,
    /** Attempts that were lost with their worker, whatever ran beside them. */
    crashes: count,
    deferrals: count,
    /** What a task that was given back waits for, such as `no worker for this type`; only until it is taken again. */
    waiting_for: maybe(text),
    last_error: maybe(lastError),
    /** The request to cancel it. `requested`: it ran then; its `state` says whether it runs, was cancelled or succeeded after all. */
    cancel: maybe(cancellation),
    /** The header `webhook-id` of its callbacks, the same in every attempt. */
    delivery_id: text,
    worker_id: maybe(text),
    /** The schedule that has made it, and the logical time of that fire. */
    schedule_id: maybe(text),
    fire_at: maybe(time),
    /** Which of the tasks of that fire it is, from 0; null = it is the only one. */
    shard: maybe(z.object({ index: count, total: count }).meta({ id: 'Shard' })),
    /** How it was submitted: `api`, `client` or `schedule`. `created_by` is the ID of the API key. */
    origin: maybe(text),
    created_by: maybe(text),
    /** Always 1 today. */
    version: z.int(),
    ...(Object.fromEntries(Object.entries(parts).map(([name, schema]) => [name, schema.optional()])) as {
      [F in keyof typeof parts]: z.ZodOptional<(typeof parts)[F]>;
    }),
  })
  .meta({ id: 'Task', description: 'A task; null = unknown or not reached' });

/** `POST /v1/tasks/{id}/cancel` */
export const cancelInput = strict(
  {
    mode: z
      .enum(['soft'], {
        error: ({ input }) => (input === 'force' ? 'force is not built yet' : 'must be soft'),
      })
      .meta({ id: 'CancelMode' })
      .default('soft'),
    reason: reason.optional(),
  },
  ['wait'],
).meta({ id: 'CancelInput' });

/** `already_finished` is no problem: the task is answered as it ended. */
export const cancelAnswer = z
  .object({
    outcome: z.enum(['cancelled_before_start', 'requested', 'already_finished']),
    task,
  })
  .meta({ id: 'CancelResult' });

export type Task = z.output<typeof task>;
export type Attempt = z.output<typeof attempt>;
export type ListedState = (typeof LISTED_STATES)[number];
export type TaskPart = (typeof TASK_PARTS)[number];
