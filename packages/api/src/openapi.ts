// Builds the OpenAPI document from the route table and its schemas. Nothing in it is written by hand.

import * as z from 'zod';
import { problem, problems, type ProblemCode } from './problem.ts';
import type { Route } from './route.ts';
import { routeList } from './contract.ts';
import { ROLES } from './access/schemas.ts';
import { fieldsOf } from './strict.ts';

type Json = Record<string, unknown>;

/**
 * JSON Schema of a contract schema. Answers allow further fields: a later version adds some, and clients must ignore
 * them.
 */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const jsonSchema = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: part }) => {
      if (io === 'output' && part.additionalProperties === false) delete part.additionalProperties;
    },
  }) as Json;
  delete jsonSchema['$schema'];
  return jsonSchema;
}

/** The parameters that an object schema describes. A list is written with commas in one parameter. */
function parametersIn(schema: z.ZodType | undefined, location: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  return fieldsOf(schema).known.map((name) => {
    const property = properties[name] as Json;
    const optional = location === 'query' && (!required.includes(name) || 'default' in property);
    const listStyle = property['type'] === 'array' ? { style: 'form', explode: false } : {};
    return { name, in: location, required: !optional, schema: property, ...listStyle };
  });
}

/** Problems that any call may have, depending on whether it needs a key and has a body. */
function commonProblems(route: Route): ProblemCode[] {
  const codes: ProblemCode[] = ['validation-failed', 'internal'];
  if (route.role !== '-') codes.push('unauthenticated', 'forbidden', 'broker-unavailable', 'overloaded');
  if (route.body !== undefined) codes.push('malformed', 'too-large', 'unsupported-media', 'shutting-down');
  return codes;
}

/** The error answers by status. Problems of the same status share one answer, which names their codes. */
function problemAnswers(route: Route): Json {
  const answers: Record<string, { codes: string[]; title: string }> = {};
  for (const code of [...route.problems, ...commonProblems(route)]) {
    const { status, title } = problems[code];
    answers[status] ??= { codes: [], title };
    answers[status].codes.push(code);
  }
  const schema = { $ref: '#/components/schemas/Problem' };
  return Object.fromEntries(
    Object.entries(answers).map(([status, { codes, title }]) => [
      status,
      {
        description: `${title} (${codes.join(', ')})`,
        content: { 'application/problem+json': { schema } },
      },
    ]),
  );
}

function successAnswers(route: Route): Json {
  const media = route.produces ?? 'application/json';
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, schema]) => [
      status,
      schema === null
        ? { description: 'Done' }
        : { description: route.summary, content: { [media]: { schema: schemaOf(schema, 'output') } } },
    ]),
  );
}

function operationOf(route: Route & { operationId: string }): Json {
  const body = route.body && {
    required: route.bodyOptional !== true,
    content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
  };
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    'x-role': route.role,
    security: route.role === '-' ? [] : [{ key: [] }],
    parameters: [...parametersIn(route.params, 'path'), ...parametersIn(route.query, 'query')],
    ...(body && { requestBody: body }),
    responses: { ...successAnswers(route), ...problemAnswers(route) },
  };
}

/** The contract as an OpenAPI 3.1 document. */
export function openapi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routeList) {
    paths[route.path] ??= {};
    (paths[route.path] as Json)[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Task Center', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: `An API key; roles: ${ROLES.join(' < ')}` },
      },
      schemas: { Problem: schemaOf(problem, 'output') },
    },
  };
}
