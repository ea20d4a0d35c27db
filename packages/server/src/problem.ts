import { problems, type Problem, type ProblemCode, type ProblemItem } from '@task-center/api';
import { TaskCenterError, type ErrorCode } from '@task-center/engine';

/** More members of a problem, as its code has them (api section 6). */
export type ProblemExtra = Readonly<Record<string, unknown>>;

/** An answer that is a problem; thrown anywhere below a route. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly extra: ProblemExtra;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { extra?: ProblemExtra; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.code = code;
    this.extra = more.extra ?? {};
    this.headers = more.headers ?? {};
  }
}

/** `validation-failed` with all that was found. */
export function invalid(items: readonly ProblemItem[]): ProblemError {
  const detail =
    items.length === 1
      ? '1 part of the request is not valid'
      : `${items.length} parts of the request are not valid`;
  return new ProblemError('validation-failed', detail, { extra: { errors: items } });
}

/** Each error of the engine as a problem; those that only a defect can raise here are `internal`. */
const problemOf = {
  'invalid-value': 'validation-failed',
  'task-exists': 'task-exists',
  'duplicate-task': 'internal',
  'queue-not-found': 'internal',
  'queue-not-empty': 'internal',
  'pause-unchanged': 'internal',
  'durability-unsupported': 'internal',
  'durability-not-reached': 'internal',
  'task-not-found': 'not-found',
  'wrong-state': 'wrong-state',
  'payload-too-large': 'too-large',
  'broker-unavailable': 'broker-unavailable',
  'broker-full': 'broker-full',
  'broker-refused': 'broker-unavailable',
  'not-a-cluster': 'internal',
  'broker-corrupt': 'internal',
  'broker-closed': 'shutting-down',
  'database-in-use': 'internal',
  'database-unusable': 'internal',
  'schema-too-new': 'internal',
  'worker-misused': 'internal',
  'scheduler-misused': 'internal',
  'entry-not-found': 'internal',
  'attempt-over': 'internal',
  'token-not-held': 'internal',
  'handler-missing': 'internal',
  'version-mismatch': 'internal',
} satisfies Record<ErrorCode, ProblemCode>;

const RETRY = { 'retry-after': '2' };

/** The HTTP status of an error of the engine. */
export const status = Object.fromEntries(
  Object.entries(problemOf).map(([code, problem]) => [code, problems[problem].status]),
) as Record<ErrorCode, number>;

/** Texts of the engine that name the broker's address stay in the log: a caller need not know it. */
function unavailable(error: TaskCenterError): ProblemError {
  const { outcome } = error.details as { outcome?: string };
  const detail =
    outcome === 'unknown'
      ? 'The broker did not answer in time. It is unknown whether this took effect; try again with the same task ID.'
      : 'The broker did not answer. Nothing was stored; try again when it is back.';
  return new ProblemError('broker-unavailable', detail, {
    extra: { outcome: outcome ?? 'not_stored' },
    headers: RETRY,
  });
}

function ofEngine(error: TaskCenterError): ProblemError | null {
  const code = problemOf[error.code];
  switch (code) {
    case 'internal':
      return null;
    case 'broker-unavailable':
      return unavailable(error);
    case 'broker-full':
      return new ProblemError(code, 'The broker has no room left; nothing was stored.', { headers: RETRY });
    case 'shutting-down':
      return new ProblemError(code, 'Task Center is shutting down.', { headers: RETRY });
    default:
      return new ProblemError(code, `${error.message} ${error.fix}`);
  }
}

/** The problem that an error stands for; null = a defect. */
export function asProblem(error: unknown): ProblemError | null {
  if (error instanceof ProblemError) return error;
  return error instanceof TaskCenterError ? ofEngine(error) : null;
}

/** Said of a defect; what it was stands in the log. */
export const DEFECT = new ProblemError(
  'internal',
  'Something went wrong inside. The log has it under the request ID.',
);

/** The body of a problem. */
export function problemBody(
  { code, message, extra }: ProblemError,
  request: { readonly path?: string; readonly requestId?: string } = {},
): Problem {
  return {
    type: `urn:problem-type:task-center:${code}`,
    code,
    title: problems[code].title,
    status: problems[code].status,
    detail: message,
    ...(request.path !== undefined && { instance: request.path }),
    ...(request.requestId !== undefined && { request_id: request.requestId }),
    ...extra,
  };
}
