/**
 * Calls that depend on the version of what they change (RFC 9110, 13.1): the conditions in their headers, and the version in
 * their answers. See docs/design/http-api.md#versions.
 */
import {
  CONDITION_PATTERN,
  conditionsOf,
  etagOf,
  gotOf,
  type Condition,
  type ProblemItem,
  type Route,
} from '@task-center/api';
import type { control } from '@task-center/engine';
import type { Reply } from './call.ts';

type VersionTest = control.VersionTest;

const READABLE = new RegExp(CONDITION_PATTERN);
/** How each header compares tags: `If-Match` takes no weak ones. */
const TAGS: Readonly<Record<Condition, RegExp>> = {
  'if-match': /(?:W\/)?"[^"]*"/g,
  'if-none-match': /"[^"]*"/g,
};

/** Whether the value of a header names a version. */
function namesVersion(header: Condition, value: string): VersionTest {
  if (value === '*') return (version) => version !== null;
  const tags = new Set(value.match(TAGS[header]));
  return (version) => version !== null && tags.has(etagOf(version));
}

/** What a condition asks for. Refuses a header that the operation does not take: a caller relies on its effect. */
function readCondition(header: Condition, value: string, route: Route): VersionTest | ProblemItem {
  if (!conditionsOf(route).includes(header))
    return { header, code: 'not_built_yet', message: 'is not built yet', got: null };
  const message = 'must be * or a list of ETags such as "v7"';
  if (!READABLE.test(value)) return { header, code: 'invalid_value', message, got: gotOf(value, []) };
  const isNamed = namesVersion(header, value);
  return header === 'if-match' ? isNamed : (version) => !isNamed(version);
}

/** Without versions there is nothing that a GET could compare, and its answer is always right. */
const isIgnored = (header: Condition, { method, versioned }: Route): boolean =>
  header === 'if-none-match' && method === 'GET' && !versioned;

/** The conditions of a call, which must all hold, and what is wrong with its headers. */
export function readConditions(
  route: Route,
  headers: Headers,
): { expects: VersionTest; items: ProblemItem[] } {
  const tests: VersionTest[] = [];
  const items: ProblemItem[] = [];
  for (const header of ['if-match', 'if-none-match'] as const) {
    const value = headers.get(header);
    if (value === null || isIgnored(header, route)) continue;
    const found = readCondition(header, value, route);
    if (typeof found === 'function') tests.push(found);
    else items.push(found);
  }
  return { expects: (version) => tests.every((test) => test(version)), items };
}

interface Answered {
  readonly route: Route;
  readonly request: Request;
  readonly checked: { readonly expects: VersionTest };
}

/** The reply with its version: as `etag`, and as 304 for a caller of GET that has this version. */
export function withVersion(reply: Reply, { route, request, checked }: Answered): Reply {
  const { version } = (reply.body ?? {}) as { version?: number };
  if (version === undefined) return reply;
  const headers: Record<string, string> = { ...reply.headers, etag: etagOf(version) };
  if (reply.status === 201 && route.method === 'PUT') headers['location'] = new URL(request.url).pathname;
  const isKnown = route.method === 'GET' && !checked.expects(version);
  return isKnown ? { status: 304, headers } : { ...reply, headers };
}
