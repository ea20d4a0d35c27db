// The typed client: one method per operation, generated from the route table at run time. It runs in browsers, too.

import type { Problem } from './problem.ts';
import { stringify } from './raw-json.ts';
import type { Route } from './route.ts';
import type { AnswerOf, BodyInputOf, HeadersInputOf, ParamsOf, QueryInputOf } from './operations.ts';
import { routes, type OperationId } from './contract.ts';

/** `T`, with all of its fields optional if none of them is required. */
type Optional<T> = {} extends T ? Partial<T> : T;
/** An object with the field `N`: absent if `T` is undefined, optional if `T` has no required field. */
type Field<N extends string, T> = [T] extends [undefined]
  ? {}
  : {} extends T
    ? { [F in N]?: T }
    : { [F in N]: T };

/**
 * The input of a call: `params` of the path, `query`, `body` and `headers`, if the operation has them. `signal` aborts the call.
 */
export type CallInput<O extends OperationId> = Optional<
  Field<'params', ParamsOf<O>> &
    Field<'query', QueryInputOf<O>> &
    Field<'body', BodyInputOf<O>> &
    Field<'headers', HeadersInputOf<O>>
> & { readonly signal?: AbortSignal };

type ClientMethod<O extends OperationId> =
  {} extends CallInput<O>
    ? (input?: CallInput<O>) => Promise<AnswerOf<O>>
    : (input: CallInput<O>) => Promise<AnswerOf<O>>;

/** One method per operation of the route table. */
export type ApiClient = { readonly [O in OperationId]: ClientMethod<O> };

export interface ApiClientOptions {
  /** The service's URL, such as `http://127.0.0.1:7420`. It may have a path. */
  readonly baseUrl: string;
  /** API key. Without a key only the operations that need none answer. */
  readonly key?: string;
  /** Sends the requests. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** Thrown when the service answers with an error status. */
export class ApiError extends Error {
  readonly status: number;
  /** The problem in the answer; null = there was none, and something that is not Task Center answered. */
  readonly problem: Problem | null;

  constructor(status: number, problem: Problem | null) {
    super(problem === null ? `The answer was ${status} without a problem.` : problem.detail);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
  }
}

interface AnyInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

function urlOf({ path }: Route, input: AnyInput, baseUrl: string): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(input.params?.[name] ?? ''),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return baseUrl.replace(/\/+$/, '') + filled + (text === '' ? '' : `?${text}`);
}

/** The content of a good answer. The health operations answer 503 with JSON, which is an answer and not a problem. */
async function answerOf(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type') ?? '';
  if (response.ok || (response.status === 503 && type.startsWith('application/json'))) {
    if (response.status === 204) return undefined;
    if (type.includes('json')) return response.json();
    return type.startsWith('text/') ? response.text() : response.body;
  }
  const problem = type.includes('json') ? ((await response.json()) as Problem) : null;
  throw new ApiError(response.status, problem);
}

/**
 * Creates a client of the service.
 *
 * @returns one method per operation. A method rejects with `ApiError` for an error status, and with the error of
 *   `fetch` when there is no answer.
 */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const send = options.fetch ?? globalThis.fetch;
  const authorization = options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };

  async function call(route: Route, input: AnyInput): Promise<unknown> {
    const content = input.body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await send(urlOf(route, input, options.baseUrl), {
      method: route.method,
      headers: { ...input.headers, ...authorization, ...content },
      ...(input.body !== undefined && { body: stringify(input.body) }),
      ...(input.signal !== undefined && { signal: input.signal }),
    });
    return answerOf(response);
  }

  const methods = Object.entries(routes as Record<string, Route>).map(([id, route]) => [
    id,
    (input: AnyInput = {}) => call(route, input),
  ]);
  return Object.fromEntries(methods) as ApiClient;
}
