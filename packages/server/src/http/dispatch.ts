import type { Context } from 'hono';
import { limits, routes, stringify, type OperationId, type Route } from '@task-center/api';
import { requireRole, type Principal } from '../auth/principal.ts';
import type { Admission } from './admission.ts';
import { PlainText, type Call, type Handlers, type Reply } from './call.ts';
import type { AppDeps } from './deps.ts';
import { ProblemError } from '../problem.ts';
import { readBody } from './read-body.ts';
import { urlItems } from './submission/callback.ts';
import { validate, type FurtherFindings } from './validate.ts';

/** For operations that anyone may call: there is nobody behind them. */
const ANYONE: Principal = { keyId: '', name: null, role: 'viewer', queues: [], businesses: [] };

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

function refuseBody(request: Request): void {
  const length = request.headers.get('content-length');
  const has = length === null ? request.headers.has('transfer-encoding') : length !== '0';
  if (has)
    throw new ProblemError('malformed', 'This call takes no body.', { headers: { connection: 'close' } });
}

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

function furtherOf(operationId: OperationId, { rules }: AppDeps): FurtherFindings | undefined {
  return operationId === 'submitTask' ? (body) => urlItems(body, { rules, under: [] }) : undefined;
}

/** What answers one operation: who calls and whether they may, what they sent, then its handler. */
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
    // Health checks are answered always; and who sends slowly takes nobody's place.
    const counts = route.role !== '-';
    if (counts) admission.check();
    const principal = await principalOf(deps, route, headers);
    const body = await bodyOf(route, request);
    const query = new URL(request.url).searchParams;
    const unchecked = { params: context.req.param(), query, headers, body };
    const checked = validate(operationId, unchecked, furtherOf(operationId, deps));
    const call = { ...checked, principal, requestId: context.var.requestId, headers, deps };
    const act = () => handle(call satisfies Omit<Call<never>, 'params' | 'query' | 'body'>);
    const reply = await (counts ? admission.run(act) : act());
    if (route.audit) tellAudit({ operationId, deps, principal, call });
    return send(route, reply);
  };
}

interface Audited {
  readonly operationId: OperationId;
  readonly deps: AppDeps;
  readonly principal: Principal;
  readonly call: { readonly params: unknown; readonly requestId: string };
}

/** Until there is an audit log, what would stand in it stands in the log. */
function tellAudit({ operationId, deps, principal, call }: Audited): void {
  const target = Object.values((call.params ?? {}) as Record<string, string>).join(' ');
  const fields = { key_id: principal.keyId, action: operationId, target, request_id: call.requestId };
  deps.runtime.log.info(fields, 'audit');
}
