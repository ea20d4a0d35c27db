import * as z from 'zod';
import { batchAnswer, batchEnvelope, batchInput } from './batches/schemas.ts';
import { limits } from './limits.ts';
import { pauseInput, queue, resumeInput } from './queues/schemas.ts';
import { route, type Route } from './route.ts';
import { choice, strict } from './strict.ts';
import { health, me, version } from './service/schemas.ts';
import {
  cancelAnswer,
  cancelInput,
  KINDS,
  LISTED_STATES,
  pageOf,
  TASK_PARTS,
  task,
} from './tasks/schemas.ts';
import { taskInput } from './tasks/input.ts';
import { businessId, queueName, taskId } from './values.ts';

const noQuery = strict({});
const kind = z.enum(KINDS);

const parts = z.array(z.enum(TASK_PARTS));

/** `include=payload,attempts`: the parts of a task that an answer adds, with commas between them. */
const include = z
  .string()
  .transform((text, context) => {
    const words = text.split(',');
    // Checked here and not by the pipe: its issues would point into a list, and the client sent a text.
    if (!parts.safeParse(words).success)
      context.addIssue({
        code: 'custom',
        message: `must name parts from ${TASK_PARTS.join(', ')}, with commas between them`,
      });
    return words;
  })
  .pipe(parts);

/** Selects one task where several have the same ID: another queue, kind or business. */
const pick = { queue: queueName.optional(), kind: kind.optional(), business_id: businessId.optional() };
const idParams = strict({ id: taskId });
const queueParams = strict({ name: queueName });

const listQuery = strict(
  {
    queue: queueName,
    state: choice(LISTED_STATES, ['blocked', 'awaiting', 'aggregating']),
    kind: kind.optional(),
    limit: z.coerce.number<string>().int().min(1).max(limits.pageMax).default(limits.pageDefault),
    cursor: z.string().min(1).max(2_000).optional(),
    include: include.optional(),
  },
  'type business_id user_id trace_id schedule_id batch_id tag error_class error_contains text sort fields'
    .concat(' created_after created_before due_after due_before finished_after finished_before')
    .split(' '),
);

/**
 * The contract: every operation by its ID. Validation, OpenAPI, authorisation, the audit log and the client all read
 * this table. See docs/design/http-api.md#resources.
 */
export const routes = {
  submitTask: route({
    method: 'POST',
    path: '/v1/tasks',
    role: 'submitter',
    tag: 'tasks',
    summary: 'Submit a task',
    query: strict({}, ['dry_run']),
    body: taskInput,
    answers: { 201: task },
    problems: ['task-exists', 'url-blocked', 'business-forbidden'],
    audit: false,
  }),
  submitBatch: route({
    method: 'POST',
    path: '/v1/batches',
    role: 'submitter',
    tag: 'tasks',
    summary: 'Submit up to 1,000 tasks; each has its own outcome',
    query: strict({}, ['dry_run']),
    body: batchInput,
    checked: batchEnvelope,
    bodyBytes: limits.batchBodyBytes,
    answers: { 200: batchAnswer },
    problems: [],
    audit: false,
  }),
  listTasks: route({
    method: 'GET',
    path: '/v1/tasks',
    role: 'viewer',
    tag: 'tasks',
    summary: 'Tasks of one queue in one state',
    query: listQuery,
    answers: { 200: pageOf(task) },
    problems: [],
    audit: false,
  }),
  getTask: route({
    method: 'GET',
    path: '/v1/tasks/{id}',
    role: 'viewer',
    tag: 'tasks',
    summary: 'A task with payload, callback and result; with its attempts if included',
    params: idParams,
    query: strict({ ...pick, include: include.optional() }, ['wait', 'fields']),
    answers: { 200: task },
    problems: ['not-found', 'task-id-ambiguous'],
    audit: false,
  }),
  cancelTask: route({
    method: 'POST',
    path: '/v1/tasks/{id}/cancel',
    role: 'submitter',
    tag: 'tasks',
    summary: 'Cancel a task that waits',
    params: idParams,
    query: strict(pick),
    body: cancelInput,
    bodyOptional: true,
    answers: { 200: cancelAnswer },
    problems: ['not-found', 'task-id-ambiguous', 'wrong-state'],
    audit: true,
  }),
  deleteTask: route({
    method: 'DELETE',
    path: '/v1/tasks/{id}',
    role: 'submitter',
    tag: 'tasks',
    summary: 'Delete a task that does not run',
    params: idParams,
    query: strict(pick),
    answers: { 204: null },
    problems: ['not-found', 'task-id-ambiguous', 'wrong-state'],
    audit: true,
  }),
  listQueues: route({
    method: 'GET',
    path: '/v1/queues',
    role: 'viewer',
    tag: 'queues',
    summary: 'All queues with their counts',
    query: strict({}, ['limit', 'cursor']),
    answers: { 200: pageOf(queue) },
    problems: [],
    audit: false,
  }),
  getQueue: route({
    method: 'GET',
    path: '/v1/queues/{name}',
    role: 'viewer',
    tag: 'queues',
    summary: 'A queue with its counts',
    params: queueParams,
    query: noQuery,
    answers: { 200: queue },
    problems: ['not-found'],
    audit: false,
  }),
  pauseQueue: route({
    method: 'POST',
    path: '/v1/queues/{name}/pause',
    role: 'operator',
    tag: 'queues',
    summary: 'Let no further task of a queue start',
    params: queueParams,
    query: noQuery,
    body: pauseInput,
    bodyOptional: true,
    answers: { 200: queue },
    problems: ['not-found'],
    audit: true,
  }),
  resumeQueue: route({
    method: 'POST',
    path: '/v1/queues/{name}/resume',
    role: 'operator',
    tag: 'queues',
    summary: 'Let the tasks of a paused queue start again',
    params: queueParams,
    query: noQuery,
    body: resumeInput,
    bodyOptional: true,
    answers: { 200: queue },
    problems: ['not-found'],
    audit: true,
  }),
  getMe: route({
    method: 'GET',
    path: '/v1/me',
    role: 'viewer',
    tag: 'access',
    summary: 'The API key of the call, with its role and scopes',
    query: noQuery,
    answers: { 200: me },
    problems: [],
    audit: false,
  }),
  getHealth: route({
    method: 'GET',
    path: '/healthz',
    role: '-',
    tag: 'service',
    summary: 'Whether the process is alive',
    query: strict({}, ['verbose']),
    answers: { 200: health },
    problems: [],
    audit: false,
  }),
  getReadiness: route({
    method: 'GET',
    path: '/readyz',
    role: '-',
    tag: 'service',
    summary: 'Whether the service takes requests: started, not stopping, broker in reach',
    query: strict({}, ['verbose']),
    answers: { 200: health, 503: health },
    problems: [],
    audit: false,
  }),
  getStartup: route({
    method: 'GET',
    path: '/startupz',
    role: '-',
    tag: 'service',
    summary: 'Whether the service has finished starting',
    query: strict({}, ['verbose']),
    answers: { 200: health, 503: health },
    problems: [],
    audit: false,
  }),
  getVersion: route({
    method: 'GET',
    path: '/version',
    role: '-',
    tag: 'service',
    summary: 'Version of the program',
    query: noQuery,
    answers: { 200: version },
    problems: [],
    audit: false,
  }),
  getOpenapi: route({
    method: 'GET',
    path: '/openapi.json',
    role: '-',
    tag: 'service',
    summary: 'This contract as OpenAPI 3.1',
    query: noQuery,
    answers: { 200: z.record(z.string(), z.unknown()) },
    problems: [],
    audit: false,
  }),
  getPage: route({
    method: 'GET',
    path: '/',
    role: '-',
    tag: 'service',
    summary: 'A page for people about this service',
    // A link to the page may carry any parameters; none is read.
    query: z.looseObject({}),
    answers: { 200: z.string() },
    produces: 'text/html; charset=utf-8',
    problems: [],
    audit: false,
  }),
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type OperationId = keyof Routes;

/** The table as a list, in the order of the table. */
export const routeList: readonly (Route & { readonly operationId: OperationId })[] = Object.entries(
  routes as Record<OperationId, Route>,
).map(([operationId, definition]) => ({ ...definition, operationId: operationId as OperationId }));
