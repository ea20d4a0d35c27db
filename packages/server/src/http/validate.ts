/** Checks a call's input against its route. */
import {
  isList,
  itemsOf,
  mergePatch,
  routes,
  type BodyOf,
  type OperationId,
  type ProblemItem,
  type Route,
} from '@task-center/api';
import type { control } from '@task-center/engine';
import { invalid } from '../problem.ts';
import { readConditions } from './conditions.ts';

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
  /** A patch is as it was sent. */
  readonly body: unknown;
  /** What the call says of the version that it is for. */
  readonly expects: control.VersionTest;
}

/**
 * The parameters of a query by name, and errors for those that are repeated. Only lists may be: many generated clients repeat
 * the parameter, although the contract says commas.
 */
function readQuery(query: URLSearchParams, route: Route): { input: unknown; items: ProblemItem[] } {
  const input: Record<string, string> = Object.fromEntries(query);
  const repeated = new Set([...query.keys()].filter((name) => query.getAll(name).length > 1));
  if (repeated.size === 0) return { input, items: [] };
  const items: ProblemItem[] = [];
  for (const parameter of repeated) {
    if (isList(route.query, parameter)) input[parameter] = query.getAll(parameter).join(',');
    else items.push({ parameter, code: 'invalid_value', message: 'is given more than once', got: null });
  }
  return { input, items };
}

/** Refused rather than ignored: a caller that sends one of them relies on its effect. */
const UNBUILT_HEADERS = ['idempotency-key', 'if-unmodified-since'];

function refusedHeaders(headers: Headers): ProblemItem[] {
  return UNBUILT_HEADERS.filter((header) => headers.has(header)).map((header) => ({
    header,
    code: 'not_built_yet',
    message: 'is not built yet',
    got: null,
  }));
}

/**
 * Validates path parameters, query, headers and body, and reports all errors at once (at most 50).
 *
 * @param further called only if the schemas found something; returns what no schema can find in the body
 * @throws ProblemError `validation-failed`
 */
export function validate(
  route: Route,
  unchecked: Unchecked,
  further: (body: unknown) => readonly ProblemItem[],
): Checked {
  const given = readQuery(unchecked.query, route);
  const conditions = readConditions(route, unchecked.headers);
  const items: ProblemItem[] = [...given.items, ...refusedHeaders(unchecked.headers), ...conditions.items];
  const check = (schema: Route['query'], input: unknown, location: 'pointer' | 'parameter') => {
    const result = schema.safeParse(input);
    if (!result.success) items.push(...itemsOf(result.error, { schema, input, location, basePath: [] }));
    return result.data;
  };
  const params = route.params && check(route.params, unchecked.params, 'parameter');
  const query = check(route.query, given.input, 'parameter');
  const schema = route.checked ?? route.body;
  const body = schema && check(schema, unchecked.body === undefined ? {} : unchecked.body, 'pointer');
  const { expects } = conditions;
  if (items.length === 0)
    return { params, query, body: route.method === 'PATCH' ? unchecked.body : body, expects };
  items.push(...further(unchecked.body));
  throw invalid(items);
}

/**
 * Applies a merge patch to what clients may change of a resource, and checks the result as the body of its PUT: a PATCH can make
 * nothing that a PUT could not.
 *
 * @param put the operation that replaces the resource
 * @param present what would have to be sent to leave the resource as it is
 * @throws ProblemError `validation-failed`; its pointers are those of the whole
 */
export function merged<O extends OperationId>(put: O, present: object, patch: unknown): BodyOf<O> {
  const { body: schema }: Route = routes[put];
  if (schema === undefined) throw new TypeError(`${put} takes no body`);
  const input = mergePatch(present, patch);
  const result = schema.safeParse(input);
  if (result.success) return result.data as BodyOf<O>;
  throw invalid(itemsOf(result.error, { schema, input, location: 'pointer', basePath: [] }));
}
