/**
 * Errors as HTTP problems (RFC 9457), the form in which every failed request is answered.
 *
 * A new code of the engine needs a line in `PROBLEM_BY_ERROR`, which does not compile without it. A new problem code is
 * declared in `packages/api/src/problem.ts`, with its status and title.
 */
import { limits, problems, type Problem, type ProblemCode, type ProblemItem } from '@task-center/api';
import { isTaskCenterError, logicalQueue, TaskCenterError, type ErrorCode } from '@task-center/engine';

/**
 * Further members of a problem. Each code has its own, such as `limit` and `got` of `too-large`:
 * docs/design/http-api.md#errors.
 */
export type ProblemExtra = Readonly<Record<string, unknown>>;

/** An error that is answered as a problem. Any code that serves a request may throw it. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly extra: ProblemExtra;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { extra?: ProblemExtra; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.code = code;
    this.extra = more.extra ?? {};
    this.headers = more.headers ?? {};
  }
}

/**
 * The problem `validation-failed` with what was found, at most 50 items. What a schema finds becomes items by `itemsOf` in
 * `packages/api/src/issues.ts`.
 */
export function invalid(found: readonly ProblemItem[]): ProblemError {
  const items = found.slice(0, limits.problemItems);
  const detail =
    items.length === 1
      ? '1 part of the request is not valid'
      : `${items.length} parts of the request are not valid`;
  return new ProblemError('validation-failed', detail, { extra: { errors: items } });
}

/** Headers of a refusal that does not last: the caller should try again after 2 s. */
export const RETRY_LATER = { 'retry-after': '2' };

/**
 * The problem of every call that the service refuses because it has too much to do, before anything was stored.
 *
 * @param why a sentence
 */
export function overloaded(why: string): ProblemError {
  return new ProblemError('overloaded', `${why} Nothing was stored; try again in a moment.`, {
    extra: { outcome: 'not_stored' },
    headers: { 'retry-after': '1' },
  });
}

/** The problem of every call that the service refuses because it stops. */
export function shuttingDown(): ProblemError {
  return new ProblemError('shutting-down', 'Task Center is shutting down.', { headers: RETRY_LATER });
}

/** The problem of a task that does not exist or is hidden: a caller cannot tell one from the other. */
export function taskNotFound(): ProblemError {
  return new ProblemError('not-found', 'There is no such task, or the key may not see it.');
}

/** The problem of a schedule that does not exist or is hidden: a caller cannot tell one from the other. */
export function scheduleNotFound(): ProblemError {
  return new ProblemError('not-found', 'There is no such schedule, or the key may not see it.');
}

/**
 * The problem of each engine error: first those of the use cases (`control`), then those of any call of the broker, then
 * all others. `internal`: only a defect of the service, or damaged data, can cause it here.
 */
const PROBLEM_BY_ERROR = {
  'invalid-value': 'validation-failed',
  'payload-too-large': 'too-large',
  'task-not-found': 'not-found',
  'queue-not-found': 'not-found',
  'calendar-not-found': 'not-found',
  'schedule-not-found': 'not-found',
  'too-many-calendars': 'validation-failed',
  'calendar-in-use': 'calendar-in-use',
  'managed-elsewhere': 'managed-elsewhere',
  'version-mismatch': 'version-mismatch',
  'wrong-state': 'wrong-state',
  'not-supported': 'not-supported',
  'schedule-exists': 'schedule-exists',
  'duplicate-task': 'wrong-state',
  'schedule-unreadable': 'internal',
  // No operation can cause these four: a caller's search is bounded by what its key may see, see `http/tasks/find-task.ts`.
  'task-id-ambiguous': 'internal',
  'not-a-cluster': 'internal',
  'pause-unchanged': 'internal',
  'queue-not-empty': 'internal',

  'broker-unavailable': 'broker-unavailable',
  'broker-refused': 'broker-unavailable',
  'broker-unsafe': 'broker-unsafe',
  'broker-full': 'broker-full',
  'broker-closed': 'shutting-down',
  'broker-corrupt': 'internal',

  'task-exists': 'task-exists',
  'some-not-stored': 'internal',
  'durability-unsupported': 'internal',
  'durability-not-reached': 'internal',
  'database-in-use': 'internal',
  'database-unusable': 'internal',
  'schema-too-new': 'internal',
  'worker-misused': 'internal',
  'scheduler-misused': 'internal',
  'test-broker-misused': 'internal',
  'entry-not-found': 'internal',
  'attempt-over': 'internal',
  // No operation waits for a task.
  'task-failed': 'internal',
  'task-cancelled': 'internal',
  'wait-over': 'internal',
  'result-gone': 'internal',
  'token-not-held': 'internal',
  'handler-missing': 'internal',
} satisfies Record<ErrorCode, ProblemCode>;

/** Not the engine's text: it names the broker's address, which callers need not know. The log has it. */
function brokerUnavailable(error: TaskCenterError): ProblemError {
  const { outcome } = error.details as { outcome?: string };
  const detail =
    outcome === 'unknown'
      ? 'The broker did not answer in time. It is unknown whether this took effect; try again with the same task ID.'
      : 'The broker did not answer. Nothing was stored; try again when it is back.';
  return new ProblemError('broker-unavailable', detail, {
    extra: { outcome: outcome ?? 'not_stored' },
    headers: RETRY_LATER,
  });
}

/** Not the engine's text: it names the broker's address. `GET /v1/broker` says more to those who may know. */
function brokerUnsafe(error: TaskCenterError): ProblemError {
  const { findings } = error.details as { findings: readonly { code: string }[] };
  const codes = [...new Set(findings.map(({ code }) => code))];
  const detail = `The broker cannot keep its promises (${codes.join(', ')}). Nothing was stored; try again when an operator has fixed it.`;
  return new ProblemError('broker-unsafe', detail, {
    extra: { outcome: 'not_stored', findings: codes },
    headers: RETRY_LATER,
  });
}

/** Not the engine's text: it names the broker's address. */
function notSupported(error: TaskCenterError): ProblemError {
  const { what, instead } = error.details as { what: string; instead: string };
  return new ProblemError('not-supported', `This kind of broker cannot ${what}. ${instead}`);
}

/** Not the engine's text: it names a stored queue, and takes "not found" for "does not exist". */
function notFound(error: TaskCenterError): ProblemError {
  if (isTaskCenterError(error, 'queue-not-found')) {
    const name = JSON.stringify(logicalQueue(error.details.queue).name);
    return new ProblemError('not-found', `There is no queue ${name}; a queue is created by its first task.`);
  }
  if (isTaskCenterError(error, 'schedule-not-found')) return scheduleNotFound();
  if (isTaskCenterError(error, 'calendar-not-found'))
    return new ProblemError('not-found', 'There is no such calendar.');
  return taskNotFound();
}

/** What the schemas cannot know: the limit, for example. */
function notValid(error: TaskCenterError): ProblemError {
  if (!isTaskCenterError(error, 'too-many-calendars'))
    return new ProblemError('validation-failed', `${error.message} ${error.fix}`);
  const message = `does not exist yet, and there are ${error.details.limit} calendars already: change one of them`;
  return invalid([{ parameter: 'id', code: 'out_of_range', message, got: null }]);
}

/** Of what was deleted meanwhile, too: then there is no version. */
function versionMismatch(error: TaskCenterError): ProblemError {
  const { current } = error.details as { current?: number | null };
  return new ProblemError('version-mismatch', `${error.message} ${error.fix}`, {
    extra: current === undefined ? {} : { current_version: current },
  });
}

function engineProblem(error: TaskCenterError): ProblemError | null {
  const code = PROBLEM_BY_ERROR[error.code];
  switch (code) {
    case 'internal':
      return null;
    case 'not-found':
      return notFound(error);
    case 'validation-failed':
      return notValid(error);
    case 'version-mismatch':
      return versionMismatch(error);
    case 'broker-unavailable':
      return brokerUnavailable(error);
    case 'broker-full':
      return new ProblemError(code, 'The broker has no room left; nothing was stored.', {
        extra: { outcome: 'not_stored' },
        headers: RETRY_LATER,
      });
    case 'broker-unsafe':
      return brokerUnsafe(error);
    case 'not-supported':
      return notSupported(error);
    case 'shutting-down':
      return shuttingDown();
    default:
      return new ProblemError(code, `${error.message} ${error.fix}`);
  }
}

/** The problem that an error is answered with; null = a defect, to be logged and answered with `DEFECT`. */
export function asProblem(error: unknown): ProblemError | null {
  if (error instanceof ProblemError) return error;
  return error instanceof TaskCenterError ? engineProblem(error) : null;
}

/**
 * A problem of one task, with the ID and the queue under which it can be submitted again, also where the ID was made here. A
 * repeat with them cannot store a second task.
 */
export function withTask(
  { code, message, extra, headers }: ProblemError,
  task: { readonly id: string; readonly queue: string },
): ProblemError {
  const again = extra['outcome'] === 'unknown' ? ` It was submitted as ${JSON.stringify(task.id)}.` : '';
  return new ProblemError(code, message + again, { extra: { ...extra, ...task }, headers });
}

/** Answer to every defect; only the log says what it was. */
export const DEFECT = new ProblemError(
  'internal',
  'An internal error occurred. The log describes it under the request ID.',
);

/** The body of a problem, sent as `PROBLEM_TYPE`. */
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
