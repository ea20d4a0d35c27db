import { itemsOf, limits, routes, type OperationId, type ProblemItem, type Route } from '@task-center/api';
import { invalid } from '../problem.ts';

export interface Unchecked {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Undefined = none was sent. */
  readonly body: unknown;
}

/** Findings beyond a schema, looked for where the schema has found something already. */
export type FurtherFindings = (body: unknown) => readonly ProblemItem[];

export interface Checked {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

function twice(query: URLSearchParams): ProblemItem[] {
  const names = new Set([...query.keys()].filter((name) => query.getAll(name).length > 1));
  return [...names].map((parameter) => ({
    parameter,
    code: 'invalid_value',
    message: 'stands more than once',
    got: null,
  }));
}

function refusedHeaders(headers: Headers): ProblemItem[] {
  if (!headers.has('idempotency-key')) return [];
  return [{ header: 'idempotency-key', code: 'not_built_yet', message: 'is not built yet', got: null }];
}

/**
 * Checks a call against its route: parameters, query, headers and body, all findings at once.
 *
 * @throws ProblemError `validation-failed`
 */
export function validate(operationId: OperationId, unchecked: Unchecked, further?: FurtherFindings): Checked {
  const route: Route = routes[operationId];
  const items: ProblemItem[] = [...twice(unchecked.query), ...refusedHeaders(unchecked.headers)];
  const check = (schema: Route['query'], input: unknown, place: 'pointer' | 'parameter') => {
    const result = schema.safeParse(input);
    if (!result.success) items.push(...itemsOf(result.error, { schema, input, place, under: [] }));
    return result.data;
  };
  const params = route.params && check(route.params, unchecked.params, 'parameter');
  const query = check(route.query, Object.fromEntries(unchecked.query), 'parameter');
  const schema = route.checked ?? route.body;
  const body = schema && check(schema, unchecked.body === undefined ? {} : unchecked.body, 'pointer');
  if (items.length === 0) return { params, query, body };
  items.push(...(further?.(unchecked.body) ?? []));
  throw invalid(items.slice(0, limits.problemItems));
}
