import * as z from 'zod';

/**
 * Every problem that this version answers with, by its code: status and title. The code ends the problem's `type`. See
 * docs/design/http-api.md#errors.
 */
export const problems = {
  malformed: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'The key does not allow this' },
  'business-forbidden': { status: 403, title: 'The key does not allow this business' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'This path does not take the method' },
  'task-exists': { status: 409, title: 'A task with this ID exists' },
  'task-id-ambiguous': { status: 409, title: 'Several tasks have this ID' },
  'schedule-exists': { status: 409, title: 'A schedule with this ID exists' },
  'wrong-state': { status: 409, title: 'The task is in a state that does not allow this' },
  'calendar-in-use': { status: 409, title: 'Schedules follow this calendar' },
  'managed-elsewhere': { status: 409, title: 'This is not changed over the API' },
  'version-mismatch': { status: 412, title: 'It has another version' },
  'too-large': { status: 413, title: 'The request is too large' },
  'unsupported-media': { status: 415, title: 'The content is not application/json' },
  'validation-failed': { status: 422, title: 'The request is not valid' },
  'url-blocked': { status: 422, title: 'Callbacks to this address are not allowed' },
  internal: { status: 500, title: 'Task Center failed' },
  'not-supported': { status: 501, title: 'The broker cannot do this' },
  'broker-unavailable': { status: 503, title: 'The broker does not answer' },
  'broker-full': { status: 503, title: 'The broker has no room left' },
  'broker-unsafe': { status: 503, title: 'The broker cannot keep its promises' },
  overloaded: { status: 503, title: 'Task Center has too much to do' },
  'shutting-down': { status: 503, title: 'Task Center is shutting down' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/**
 * One item of `validation-failed`. One of `pointer`, `parameter` and `header` says where; `got` is the value that was
 * found, or null if it must not be shown.
 */
export const problemItem = z
  .object({
    pointer: z.string().optional(),
    parameter: z.string().optional(),
    header: z.string().optional(),
    code: z.string(),
    message: z.string(),
    got: z.string().nullable(),
  })
  .meta({ id: 'ProblemItem', description: 'One thing that is wrong with a request, and where' });

/** A task in `hits` of `task-id-ambiguous`. */
const taskHit = z
  .object({ queue: z.string(), kind: z.string(), business_id: z.string().nullable() })
  .meta({ id: 'TaskHit' });

/** What single codes add, and which. See docs/design/http-api.md#errors. */
const members = {
  offset: z.int().optional().meta({ description: 'malformed: the byte at which the body cannot be read' }),
  parameter: z.string().optional().meta({ description: 'malformed: the parameter that cannot be used' }),
  id: z.string().optional().meta({ description: 'task-exists, 503: the ID of the task' }),
  queue: z.string().optional().meta({ description: 'task-exists, 503: its queue' }),
  hits: z.array(taskHit).optional().meta({ description: 'task-id-ambiguous: the tasks with this ID' }),
  state: z.string().optional().meta({ description: 'wrong-state: the state of the task' }),
  allowed: z.array(z.string()).optional().meta({ description: 'wrong-state: the states that allow it' }),
  current_version: z
    .int()
    .nullable()
    .optional()
    .meta({ description: 'version-mismatch: the version that it has; null = it does not exist' }),
  limit: z.int().optional().meta({ description: 'too-large: the limit, in bytes' }),
  got: z.int().optional().meta({ description: 'too-large: the size that was sent, in bytes' }),
  pointer: z.string().optional().meta({ description: 'url-blocked: where the URL is in the body' }),
  address: z.string().optional().meta({ description: 'url-blocked: the host that is not allowed' }),
  rule: z.string().optional().meta({ description: 'url-blocked: the setting that blocks it' }),
  configuration: z.string().optional().meta({ description: 'url-blocked: what would allow it' }),
  needed: z.unknown().optional().meta({ description: 'forbidden, business-forbidden: what the key lacks' }),
  outcome: z.string().optional().meta({ description: '503: not_stored, or unknown' }),
  findings: z
    .array(z.string())
    .optional()
    .meta({ description: 'broker-unsafe: the codes of what is wrong with the broker' }),
};

/** A problem (RFC 9457), sent as `application/problem+json`. Some codes add members of their own. */
export const problem = z
  .object({
    type: z.string(),
    code: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    request_id: z.string().optional(),
    docs: z.string().optional(),
    errors: z.array(problemItem).optional(),
    ...members,
  })
  .meta({
    id: 'Problem',
    description: 'What went wrong (RFC 9457); members that a code does not have are left out',
  });

export type ProblemItem = z.output<typeof problemItem>;
export type Problem = z.output<typeof problem> & Readonly<Record<string, unknown>>;
/** Where an item is: in the body, in the path or query, or in a header. */
export type ItemLocation = 'pointer' | 'parameter' | 'header';
