/** Answers the calls of an operation: a request in, through the steps to the handler, a response out. */
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import type { Context } from 'hono';
import { routes, stringify, type OperationId, type Route } from '@task-center/api';
import type { Principal } from '../auth/principal.ts';
import {
  Download,
  PlainText,
  type AnswerBytes,
  type Bindings,
  type Call,
  type Env,
  type Handlers,
  type Reply,
} from './call.ts';
import { withVersion } from './conditions.ts';
import { keepUntilTaken } from './memory/budget.ts';
import { JSON_TYPE } from '../media-types.ts';
import { withSteps, type Operation, type PendingCall } from './steps.ts';
import type { Checked } from './validate.ts';

/** Stands for the caller of operations that need no key. Its scope is empty. */
const ANYONE: Principal = { keyId: '', name: null, role: 'viewer', queues: [], businesses: [] };

/** The bytes of an operation's answers that are not large. */
const SMALL_ANSWER_BYTES = 4_096;

interface SizedResponse {
  readonly response: Response;
  /** What it takes up in memory. */
  readonly bytes: number;
}

function answerOf(route: Route, method: string, reply: Reply): SizedResponse {
  const { status = 200, body, headers = {} } = reply;
  if (body === undefined) return { response: new Response(null, { status, headers }), bytes: 0 };
  const type = route.produces ?? JSON_TYPE;
  if (body instanceof Download) {
    // The answer to HEAD has headers alone.
    if (method === 'HEAD') body.content.destroy();
    const content = method === 'HEAD' ? null : (Readable.toWeb(body.content) as WebStream & ReadableStream);
    const response = new Response(content, { status, headers: { 'content-type': type, ...headers } });
    return { response, bytes: 0 };
  }
  const text = body instanceof PlainText ? body.text : stringify(body);
  const response = new Response(text, { status, headers: { 'content-type': type, ...headers } });
  return { response, bytes: Buffer.byteLength(text) };
}

/** How many bytes an answer of the operation may have: what the handler says, else as many as the last one. */
function answerBytesOf(answerBytes: AnswerBytes<OperationId> | undefined) {
  let last = SMALL_ANSWER_BYTES;
  return {
    expected: (checked: Checked | undefined) =>
      answerBytes?.(checked as Parameters<typeof answerBytes>[0]) ?? last,
    seen: (bytes: number) => (last = Math.max(bytes, SMALL_ANSWER_BYTES)),
  };
}

/** A call of any operation. The types of its input are unknown here. */
type UntypedCall = Omit<Call<OperationId>, keyof Checked> & Partial<Checked>;

/** Creates the function that answers one operation. */
export function dispatch(operationId: OperationId, handlers: Handlers, deps: PendingCall['deps']) {
  const route: Route = routes[operationId];
  const entry = handlers[operationId];
  const { handle, findFurtherItems, answerBytes } = typeof entry === 'function' ? { handle: entry } : entry;
  const size = answerBytesOf(answerBytes);
  const operation: Operation = { operationId, route, findFurtherItems, answerBytes: size.expected };
  // The handler expects the types of this operation's schemas, by which `checkInput` has checked the input.
  const answer = handle as unknown as (call: UntypedCall) => Promise<Reply>;
  const run = withSteps(route, async ({ checked, principal, requestId, headers, request }) => {
    const common = { principal, requestId, headers, deps, isGone: () => request.signal };
    const reply = await answer({ ...checked, ...common });
    return route.versioned && checked ? withVersion(reply, { route, request, checked }) : reply;
  });
  return async (context: Context<Env>): Promise<Response> => {
    const request = context.req.raw;
    const bindings: Bindings = context.env ?? {};
    const call: PendingCall = {
      operation,
      request,
      incoming: bindings.incoming,
      requestId: context.var.requestId,
      headers: request.headers,
      deps,
      params: context.req.param(),
      body: undefined,
      principal: ANYONE,
      checked: undefined,
      answerRoom: undefined,
    };
    try {
      const { response, bytes } = answerOf(route, request.method, await run(call));
      size.seen(bytes);
      if (call.answerRoom) keepUntilTaken(call.answerRoom, bytes, bindings);
      return response;
    } catch (error) {
      call.answerRoom?.release();
      throw error;
    }
  };
}
