// Builds the OpenAPI document from the route table and its schemas. See docs/openapi.md.

import type * as z from 'zod';
import { problem, problems, type ProblemCode } from '../problem.ts';
import type { Route, Tag } from '../route.ts';
import { routeList, type OperationId } from '../contract.ts';
import { ROLES } from '../access/schemas.ts';
import { fieldsOf } from '../strict.ts';
import { conditionsOf } from '../versions.ts';
import { examples } from './examples.ts';
import {
  ANSWER_HEADERS,
  COMMON_HEADERS,
  componentName,
  REQUEST_HEADERS,
  type AnswerHeader,
  type RequestHeader,
} from './headers.ts';
import { schemaOf, type Components, type Json } from './schemas.ts';

/** What the document says of all operations. */
const ABOUT = `Schedules and runs tasks, and delivers them by HTTP.

**Methods.** HEAD works where GET does. OPTIONS answers 204 with the header \`Allow\`. Any other method that a path does not have is
answered with 405 and the problem \`method-not-allowed\`, whose header \`Allow\` names those that it has. No operation answers 405.

**Changes.** Clients ignore fields and values that they do not know: a later version may add some. What is sent must be known: a
field or a parameter that is not is refused.`;

/** The groups of operations, in the order of the document. */
const TAGS = {
  tasks: 'Submit, find, cancel and delete tasks',
  queues: 'See, pause and resume queues',
  schedules: 'When tasks run again and again, and what became of each fire',
  calendars: 'Days on which schedules fire or do not, such as holidays',
  access: 'The API key of the call',
  metrics: 'Figures of the past',
  broker: 'The store of tasks',
  service: 'The service itself; these operations need no key',
} as const satisfies Partial<Record<Tag, string>>;

/** A row of the route table with its name. */
type Operation = Route & { readonly operationId: OperationId };

/** A reference to a component. */
/** Refers to a part of the document that several operations share. */
const reference = (kind: string, name: string): Json => ({ $ref: `#/components/${kind}/${name}` });

/** The parameters that an object schema describes. A list is written with commas in one parameter. */
function parametersIn(
  schema: z.ZodType | undefined,
  location: 'path' | 'query',
  components: Components,
): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'parameter', components) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return fieldsOf(schema).known.map((name) => {
    const { description, ...property } = properties[name] as Json;
    const optional = location === 'query' && (!required.includes(name) || 'default' in property);
    const listStyle = property['type'] === 'array' ? { style: 'form', explode: false } : {};
    const about = description === undefined ? {} : { description };
    return { name, in: location, ...about, required: !optional, schema: property, ...listStyle };
  });
}

/** Problems that any call may have, depending on whether it needs a key and has a body. */
function commonProblems(route: Route): ProblemCode[] {
  // Any request may be broken, bring a body that is not read, or have a URL or headers that are too long.
  const codes: ProblemCode[] = ['malformed', 'too-large', 'validation-failed', 'internal'];
  if (route.role !== '-')
    codes.push('unauthenticated', 'forbidden', 'broker-unavailable', 'overloaded', 'shutting-down');
  if (route.body !== undefined) codes.push('unsupported-media');
  if (conditionsOf(route).includes('if-match')) codes.push('version-mismatch');
  if (route.role !== '-' && route.method !== 'GET') codes.push('broker-full');
  return codes;
}

/** Headers that answers with a status have, whatever the operation is. */
const STATUS_HEADERS: Readonly<Record<number, readonly AnswerHeader[]>> = {
  201: ['location'],
  401: ['www-authenticate'],
  503: ['retry-after'],
};

/** References to the headers of an answer. */
function headersOf(status: number, own: readonly AnswerHeader[] = []): Json {
  const names = [...COMMON_HEADERS, ...(STATUS_HEADERS[status] ?? []), ...own];
  return Object.fromEntries(names.map((name) => [name, reference('headers', componentName(name))]));
}

/** The error answers by status. Problems of the same status share one answer, which names their codes. */
function problemAnswers(route: Route): Record<number, Json> {
  const answers: Record<number, { codes: string[]; title: string }> = {};
  for (const code of [...route.problems, ...commonProblems(route)]) {
    const { status, title } = problems[code];
    answers[status] ??= { codes: [], title };
    if (!answers[status].codes.includes(code)) answers[status].codes.push(code);
  }
  const content = { 'application/problem+json': { schema: reference('schemas', 'Problem') } };
  const shown = Object.entries(answers).map(([status, { codes, title }]) => [
    status,
    { description: `${title} (${codes.join(', ')})`, headers: headersOf(Number(status)), content },
  ]);
  return Object.fromEntries(shown) as Record<number, Json>;
}

/** The good answers by status, with the example at the usual one. */
function goodAnswers(route: Operation, components: Components): Record<number, Json> {
  const media = route.produces ?? 'application/json';
  const { answer } = examples[route.operationId];
  const version: AnswerHeader[] = route.versioned && route.method !== 'DELETE' ? ['etag'] : [];
  const own = [...(route.answerHeaders ?? []), ...version];
  const shown = Object.entries(route.answers).map(([status, schema]) => {
    const description = schema === null ? 'Done' : route.summary;
    const headers = headersOf(Number(status), Number(status) < 300 ? own : []);
    // A status other than the first tells of trouble: the example shows what is usual.
    const example = Number(status) < 300 ? { example: answer } : {};
    if (schema === null) return [status, { description, headers }];
    const content = { [media]: { schema: schemaOf(schema, 'answer', components), ...example } };
    return [status, { description, headers, content }];
  });
  return Object.fromEntries(shown) as Record<number, Json>;
}

/** An operation that answers one status with a good answer and a problem says so with both media types. */
function answersOf(route: Operation, components: Components): Json {
  const answers: Record<number, Json> = goodAnswers(route, components);
  if (route.method === 'GET' && route.versioned)
    answers[304] = { description: 'It still has that version', headers: headersOf(304, ['etag']) };
  for (const [status, answer] of Object.entries(problemAnswers(route))) {
    // `/readyz` answers 503 with its state, and a refusal with a problem.
    const known = answers[Number(status)];
    const content = { ...(known?.['content'] as Json | undefined), ...(answer['content'] as Json) };
    answers[Number(status)] = known === undefined ? answer : { ...known, content };
  }
  return answers;
}

/** The body that an operation takes, with its example; nothing if it takes none. */
function bodyOf(route: Operation, components: Components): Json {
  if (route.body === undefined) return {};
  const { body: example } = examples[route.operationId] as { body?: unknown };
  const content = { schema: schemaOf(route.body, 'body', components), example };
  return {
    requestBody: { required: route.bodyOptional !== true, content: { 'application/json': content } },
  };
}

/** An empty alternative says that a call may do without a key. */
const securityOf = ({ role, mayBeOpen }: Operation): Json[] =>
  role === '-' ? [] : [{ key: [] }, ...(mayBeOpen ? [{}] : [])];

/** One operation, as its path shows it. */
function operationOf(route: Operation, components: Components): Json {
  const headers: RequestHeader[] = ['x-request-id', ...(route.requestHeaders ?? []), ...conditionsOf(route)];
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    'x-role': route.role,
    security: securityOf(route),
    parameters: [
      ...parametersIn(route.params, 'path', components),
      ...parametersIn(route.query, 'query', components),
      ...headers.map((name) => reference('parameters', componentName(name))),
    ],
    ...bodyOf(route, components),
    responses: answersOf(route, components),
  };
}

/** Components by the names that they have in the document. */
const byComponentName = (entries: readonly (readonly [string, Json])[]): Json =>
  Object.fromEntries(entries.map(([name, value]) => [componentName(name), value]));

/** The contract as an OpenAPI 3.1 document. */
export function openapi(version: string): Json {
  const schemas: Components = {};
  const paths: Record<string, Json> = {};
  for (const route of routeList) {
    paths[route.path] ??= {};
    (paths[route.path] as Json)[route.method.toLowerCase()] = operationOf(route, schemas);
  }
  // Answers refer to it by its name.
  schemaOf(problem, 'answer', schemas);
  const parameters = Object.entries(REQUEST_HEADERS).map(
    ([name, about]) => [name, { name, in: 'header', ...about }] as const,
  );
  return {
    openapi: '3.1.0',
    info: { title: 'Task Center', version, description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: `An API key; roles: ${ROLES.join(' < ')}` },
      },
      schemas: Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      headers: byComponentName(Object.entries(ANSWER_HEADERS)),
      parameters: byComponentName(parameters),
    },
  };
}
