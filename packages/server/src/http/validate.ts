/** Checks a call's input against its route. */
import { itemsOf, type ProblemItem, type Route } from '@task-center/api';
import { invalid } from '../problem.ts';

/** The input as it arrived. */
export interface Unchecked {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Undefined = none was sent. */
  readonly body: unknown;
}

/** The input as the schemas returned it: valid, with defaults. */
export interface Checked {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

function repeatedParameters(query: URLSearchParams): ProblemItem[] {
  const names = new Set([...query.keys()].filter((name) => query.getAll(name).length > 1));
  return [...names].map((parameter) => ({
    parameter,
    code: 'invalid_value',
    message: 'is given more than once',
    got: null,
  }));
}

/** Refused rather than ignored: a caller that sends it relies on its effect. */
function refusedHeaders(headers: Headers): ProblemItem[] {
  if (!headers.has('idempotency-key')) return [];
  return [{ header: 'idempotency-key', code: 'not_built_yet', message: 'is not built yet', got: null }];
}

/**
 * Validates path parameters, query, headers and body, and reports all findings at once (at most 50).
 *
 * @param further called only if the schemas found something; returns what no schema can find in the body
 * @throws ProblemError `validation-failed`
 */
export function validate(
  route: Route,
  unchecked: Unchecked,
  further: (body: unknown) => readonly ProblemItem[],
): Checked {
  const items: ProblemItem[] = [...repeatedParameters(unchecked.query), ...refusedHeaders(unchecked.headers)];
  const check = (schema: Route['query'], input: unknown, location: 'pointer' | 'parameter') => {
    const result = schema.safeParse(input);
    if (!result.success) items.push(...itemsOf(result.error, { schema, input, location, basePath: [] }));
    return result.data;
  };
  const params = route.params && check(route.params, unchecked.params, 'parameter');
  const query = check(route.query, Object.fromEntries(unchecked.query), 'parameter');
  const schema = route.checked ?? route.body;
  const body = schema && check(schema, unchecked.body === undefined ? {} : unchecked.body, 'pointer');
  if (items.length === 0) return { params, query, body };
  items.push(...further(unchecked.body));
  throw invalid(items);
}
