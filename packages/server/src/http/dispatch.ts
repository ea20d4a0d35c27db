/** Answers the calls of an operation: a request in, through the steps to the handler, a response out. */
import type { Context } from 'hono';
import { routes, stringify, type OperationId, type Route } from '@task-center/api';
import type { Principal } from '../auth/principal.ts';
import { PlainText, type Handlers, type Reply } from './call.ts';
import { JSON_TYPE } from '../media-types.ts';
import { withSteps, type Next, type Operation, type PendingCall } from './steps.ts';

/** Stands for the caller of operations that need no key. Its scope is empty. */
const ANYONE: Principal = { keyId: '', name: null, role: 'viewer', queues: [], businesses: [] };

function responseOf(route: Route, { status = 200, body, headers = {} }: Reply): Response {
  if (body === undefined) return new Response(null, { status, headers });
  const type = route.produces ?? JSON_TYPE;
  const text = body instanceof PlainText ? body.text : stringify(body);
  return new Response(text, { status, headers: { 'content-type': type, ...headers } });
}

/** Creates the function that answers one operation. */
export function dispatch(operationId: OperationId, handlers: Handlers, deps: PendingCall['deps']) {
  const route: Route = routes[operationId];
  const entry = handlers[operationId];
  const { handle, findFurtherItems } = typeof entry === 'function' ? { handle: entry } : entry;
  const operation: Operation = { operationId, route, findFurtherItems };
  // The last step before the handler has given the call the types that the handler expects.
  const run = withSteps(route, handle as unknown as Next);
  return async (context: Context<{ Variables: { requestId: string } }>): Promise<Response> => {
    const request = context.req.raw;
    const reply = await run({
      operation,
      request,
      requestId: context.var.requestId,
      headers: request.headers,
      deps,
      principal: ANYONE,
      params: context.req.param(),
      query: undefined,
      body: undefined,
    });
    return responseOf(route, reply);
  };
}
