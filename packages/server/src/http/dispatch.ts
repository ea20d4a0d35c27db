/**
 * The steps of every call: admission, authentication, role, body, validation, handler, audit. The order matters: nothing is
 * read from a caller without a valid key, and nothing is validated before the caller may call the operation.
 */
import type { Context } from 'hono';
import { limits, routes, stringify, type OperationId, type Route } from '@task-center/api';
import { requireRole, type Principal } from '../auth/principal.ts';
import type { Admission } from './admission.ts';
import { PlainText, type Call, type Handlers, type Reply } from './call.ts';
import type { AppDeps } from './deps.ts';
import { ProblemError } from '../problem.ts';
import { readBody } from './read-body.ts';
import { urlItems } from './submission/callback.ts';
import { validate, type FindFurtherItems } from './validate.ts';

/** Stands for the caller of operations that need no key. Its scope is empty. */
const ANYONE: Principal = { keyId: '', name: null, role: 'viewer', queues: [], businesses: [] };

/** The caller, who has the role that the route needs. */
async function principalOf(deps: AppDeps, route: Route, headers: Headers): Promise<Principal> {
  if (route.role === '-') return ANYONE;
  if (deps.state.phase === 'stopping')
    throw new ProblemError('shutting-down', 'Task Center is shutting down.', {
      headers: { 'retry-after': '2' },
    });
  const principal = await deps.authenticate(headers.get('authorization'));
  requireRole(principal, route.role);
  return principal;
}

/** The connection is closed after the answer, because the body is never read. */
function refuseBody(request: Request): void {
  const length = request.headers.get('content-length');
  const hasBody = length === null ? request.headers.has('transfer-encoding') : length !== '0';
  if (hasBody)
    throw new ProblemError('malformed', 'This operation takes no body.', {
      headers: { connection: 'close' },
    });
}

/** The parsed body; undefined = none was sent, or the route takes none. */
async function bodyOf(route: Route, request: Request): Promise<unknown> {
  if (route.body !== undefined)
    return readBody(request, {
      limit: route.bodyBytes ?? limits.bodyBytes,
      optional: route.bodyOptional === true,
    });
  refuseBody(request);
  return undefined;
}

function send(route: Route, { status = 200, body, headers = {} }: Reply): Response {
  if (body === undefined) return new Response(null, { status, headers });
  const type = route.produces ?? 'application/json';
  const text = body instanceof PlainText ? body.text : stringify(body);
  return new Response(text, { status, headers: { 'content-type': type, ...headers } });
}

/** Adds findings that a schema cannot express; the handler itself looks for them only in a valid body. */
function furtherOf(operationId: OperationId, { rules }: AppDeps): FindFurtherItems | undefined {
  return operationId === 'submitTask' ? (body) => urlItems(body, { rules, basePath: [] }) : undefined;
}

/** Creates the function that answers one operation. */
export function dispatch(
  operationId: OperationId,
  handlers: Handlers,
  { admission, ...deps }: AppDeps & { readonly admission: Admission },
) {
  const route: Route = routes[operationId];
  const handle = handlers[operationId] as unknown as (call: unknown) => Promise<Reply>;
  return async (context: Context<{ Variables: { requestId: string } }>): Promise<Response> => {
    const request = context.req.raw;
    const { headers } = request;
    // Health checks and other open operations are always answered. A request counts only while its handler runs: a slow
    // sender takes up no capacity.
    const isLimited = route.role !== '-';
    if (isLimited) admission.check();
    const principal = await principalOf(deps, route, headers);
    const body = await bodyOf(route, request);
    const query = new URL(request.url).searchParams;
    const unchecked = { params: context.req.param(), query, headers, body };
    const checked = validate(operationId, unchecked, furtherOf(operationId, deps));
    const call = { ...checked, principal, requestId: context.var.requestId, headers, deps };
    const run = () => handle(call satisfies Omit<Call<never>, 'params' | 'query' | 'body'>);
    const reply = await (isLimited ? admission.run(run) : run());
    if (route.audit) logAudit({ operationId, deps, principal, call });
    return send(route, reply);
  };
}

interface Audited {
  readonly operationId: OperationId;
  readonly deps: AppDeps;
  readonly principal: Principal;
  readonly call: { readonly params: unknown; readonly requestId: string };
}

/** Writes an audit entry. There is no separate audit log yet: entries are lines of the log. */
function logAudit({ operationId, deps, principal, call }: Audited): void {
  const target = Object.values((call.params ?? {}) as Record<string, string>).join(' ');
  const fields = { key_id: principal.keyId, action: operationId, target, request_id: call.requestId };
  deps.runtime.log.info(fields, 'audit');
}
