/** Answers the calls of an operation: a request in, through the steps to the handler, a response out. */
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import type { Context } from 'hono';
import { routes, stringify, type OperationId, type Route } from '@task-center/api';
import type { Principal } from '../auth/principal.ts';
import { Download, PlainText, type Call, type Handlers, type Reply } from './call.ts';
import { JSON_TYPE } from '../media-types.ts';
import { withSteps, type Operation, type PendingCall } from './steps.ts';
import type { Checked } from './validate.ts';

/** Stands for the caller of operations that need no key. Its scope is empty. */
const ANYONE: Principal = { keyId: '', name: null, role: 'viewer', queues: [], businesses: [] };

function responseOf(route: Route, method: string, reply: Reply): Response {
  const { status = 200, body, headers = {} } = reply;
  if (body === undefined) return new Response(null, { status, headers });
  const type = route.produces ?? JSON_TYPE;
  if (body instanceof Download) {
    // The answer to HEAD has headers alone.
    if (method === 'HEAD') body.content.destroy();
    const content = method === 'HEAD' ? null : (Readable.toWeb(body.content) as WebStream & ReadableStream);
    return new Response(content, { status, headers: { 'content-type': type, ...headers } });
  }
  const text = body instanceof PlainText ? body.text : stringify(body);
  return new Response(text, { status, headers: { 'content-type': type, ...headers } });
}

/** A call of any operation. The types of its input are unknown here. */
type UntypedCall = Omit<Call<OperationId>, keyof Checked> & Partial<Checked>;

/** Creates the function that answers one operation. */
export function dispatch(operationId: OperationId, handlers: Handlers, deps: PendingCall['deps']) {
  const route: Route = routes[operationId];
  const entry = handlers[operationId];
  const { handle, findFurtherItems } = typeof entry === 'function' ? { handle: entry } : entry;
  const operation: Operation = { operationId, route, findFurtherItems };
  // The handler expects the types of this operation's schemas, by which `checkInput` has checked the input.
  const answer = handle as unknown as (call: UntypedCall) => Promise<Reply>;
  const run = withSteps(route, ({ checked, principal, requestId, headers, request }) =>
    answer({ ...checked, principal, requestId, headers, deps, isGone: () => request.signal }),
  );
  return async (context: Context<{ Variables: { requestId: string } }>): Promise<Response> => {
    const request = context.req.raw;
    const reply = await run({
      operation,
      request,
      requestId: context.var.requestId,
      headers: request.headers,
      deps,
      params: context.req.param(),
      body: undefined,
      principal: ANYONE,
      checked: undefined,
    });
    return responseOf(route, request.method, reply);
  };
}
