/**
 * The HTTP application: one Hono route per row of the API's route table, and what all answers share: request ID, headers,
 * log line, problems.
 *
 * To add an operation: a row in `packages/api/src/<resource>/routes.ts`, a handler in `<resource>/handlers.ts`.
 */
import { setImmediate } from 'node:timers/promises';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { limits, routeList } from '@task-center/api';
import { accessHandlers } from './access/handlers.ts';
import { Admission } from './admission.ts';
import { batchHandlers } from './batches/handlers.ts';
import { brokerHandlers } from './broker/handlers.ts';
import { calendarHandlers } from './calendars/handlers.ts';
import type { Env, Handlers } from './call.ts';
import type { AppDeps } from './deps.ts';
import { dispatch } from './dispatch.ts';
import { createBudgets } from './memory/budget.ts';
import { declaredFraming, hasBody, requestIdOf, usualHeaders } from './headers.ts';
import { metricHandlers } from './metrics/handlers.ts';
import { queueHandlers } from './queues/handlers.ts';
import { scheduleHandlers } from './schedules/handlers.ts';
import { serviceHandlers } from './service/handlers.ts';
import { taskHandlers } from './tasks/handlers.ts';
import { PROBLEM_TYPE } from '../media-types.ts';
import { answerInSpan } from '../observe/spans.ts';
import { asProblem, DEFECT, problemBody, ProblemError } from '../problem.ts';

/** The handler of each operation. If a route of the contract has no handler, this does not compile. */
const handlers: Handlers = {
  ...taskHandlers,
  ...batchHandlers,
  ...queueHandlers,
  ...scheduleHandlers,
  ...calendarHandlers,
  ...accessHandlers,
  ...metricHandlers,
  ...brokerHandlers,
  ...serviceHandlers,
};

const FORWARDED = /^(?:forwarded$|x-forwarded-)/;

/** `/v1/tasks/{id}` in Hono's form: `/v1/tasks/:id`. */
const pattern = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

function problemResponse(problem: ProblemError, context: Context<Env>): Response {
  const { requestId } = context.var;
  const body = problemBody(problem, { path: context.req.path, requestId });
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { 'content-type': PROBLEM_TYPE, ...problem.headers },
  });
}

/** Answers every error with a problem. A defect is logged, and its answer shows nothing of it. */
function onError(deps: AppDeps) {
  return (error: unknown, context: Context<Env>): Response => {
    const problem = asProblem(error);
    if (problem === null) {
      const fields = { request_id: context.var.requestId, method: context.req.method, err: error };
      deps.runtime.log.error(fields, 'a request failed with an internal error');
    }
    return problemResponse(problem ?? DEFECT, context);
  };
}

/** Whether a body was not waited for: what is left of it is thrown away, and then the connection ends. */
async function isBodyLeft({ req, env }: Context<Env>): Promise<boolean> {
  const incoming = env?.incoming;
  if (incoming?.complete !== false || !hasBody(declaredFraming(req.raw.headers))) return false;
  // Node may have the whole body already, and tells in its next turn.
  await setImmediate();
  return !incoming.complete;
}

/** Gives the request an ID (the caller's, if it is valid) and sets the headers of every answer. */
function setHeaders(deps: AppDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    context.set('requestId', requestIdOf(context.req.header('x-request-id')));
    await next();
    const { headers } = context.res;
    for (const [name, value] of Object.entries(usualHeaders(context.var.requestId, deps.version)))
      headers.set(name, value);
    if ((await isBodyLeft(context)) || deps.state.isLeaving) headers.set('connection', 'close');
  };
}

/** Answers every request within a span, where traces are on. */
const traceRequests: MiddlewareHandler<Env> = (context, next) => {
  const { method, path } = context.req;
  const header = (name: string) => context.req.header(name);
  const incoming = {
    method,
    route: routeOf(path),
    traceparent: header('traceparent'),
    tracestate: header('tracestate'),
  };
  return answerInSpan(incoming, next, () => context.res.status);
};

/** Logs every request: as a warning from status 500, else at level debug, as where a shortage is the cause, which is told once. */
function logRequests({ runtime: { clock, log }, shortages, counts }: AppDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    const startedMs = clock.monotonicMs();
    counts.requestBegan();
    await next();
    const { status } = context.res;
    const ms = clock.monotonicMs() - startedMs;
    const route = routeOf(context.req.path) ?? '-';
    counts.requestEnded({ route, method: context.req.method, status, ms });
    const fields = {
      request_id: context.var.requestId,
      method: context.req.method,
      route,
      status,
      duration_ms: Math.round(ms),
    };
    if (status === 201) shortages?.onStored();
    if (status >= 500 && !shortages?.note(context.error)) log.warn(fields, 'request');
    else log.debug(fields, 'request');
  };
}

/** The rows of the route table that an application serves. */
type Rows = typeof routeList;

const pathsOf = (rows: Rows) => [...new Set(rows.map(({ path }) => path))];
const templates = pathsOf(routeList).map((path) => ({
  path,
  form: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/** The route template of a path. Logs never contain the path itself: its segments are callers' data. */
const routeOf = (path: string) => templates.find(({ form }) => form.test(path))?.path;

/** A forwarded request shows that other machines can connect, through a proxy: mode `try` ends. */
function watchForwarded({ rules }: AppDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    if (rules.mode === 'try' && [...context.req.raw.headers.keys()].some((name) => FORWARDED.test(name)))
      rules.endTryMode();
    await next();
  };
}

/** Whether each `%` begins an encoded byte, and these bytes are UTF-8. */
function isEncoded(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Refuses URLs that are too long or cannot be decoded. Hono and Node bound only the whole header, and decode what they can. */
const checkUrl: MiddlewareHandler<Env> = async (context, next) => {
  const { pathname, search } = new URL(context.req.url);
  const got = pathname.length + search.length;
  if (got > limits.urlBytes)
    throw new ProblemError('too-large', `The URL has more than ${limits.urlBytes} bytes.`, {
      extra: { limit: limits.urlBytes, got },
    });
  if (!isEncoded(pathname + search))
    throw new ProblemError(
      'malformed',
      'The URL cannot be decoded: after each % two hexadecimal digits must follow, and the bytes must be UTF-8. A % itself is %25.',
    );
  await next();
};

/** The value of `Allow` for a path. */
function allowOf(path: string): string {
  const methods: string[] = routeList.filter((route) => route.path === path).map(({ method }) => method);
  if (methods.includes('GET')) methods.push('HEAD');
  return [...methods, 'OPTIONS'].join(', ');
}

/** Answers the methods that have no operation: OPTIONS with `Allow`, all others with a problem. */
function otherMethods(path: string) {
  const allow = allowOf(path);
  return (context: Context<Env>): Response => {
    if (context.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
    throw new ProblemError('method-not-allowed', `This path allows ${allow}.`, { headers: { allow } });
  };
}

/** What a listener for health alone serves. */
export const probeRoutes: Rows = routeList.filter(({ probe }) => probe === true);

/**
 * Creates the HTTP application. It listens to nothing: see `listen`.
 *
 * @param rows what it serves; by default the whole contract
 */
export function createApp(deps: AppDeps, rows: Rows = routeList): Hono<Env> {
  const app = new Hono<Env>();
  app.onError(onError(deps));
  app.notFound((context) =>
    problemResponse(
      new ProblemError('not-found', 'There is no such path. The contract is at /openapi.json.'),
      context,
    ),
  );
  app.use(setHeaders(deps), traceRequests, logRequests(deps), watchForwarded(deps), checkUrl);
  const admission = new Admission(deps.config.http.maxRequests);
  const budgets = createBudgets(deps.runtime.clock);
  for (const route of rows)
    app.on(
      route.method,
      pattern(route.path),
      dispatch(route.operationId, handlers, { ...deps, admission, budgets }),
    );
  for (const path of pathsOf(rows)) app.all(pattern(path), otherMethods(path));
  return app;
}
