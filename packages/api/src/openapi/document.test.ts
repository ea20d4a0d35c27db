import * as fc from 'fast-check';
import { formatDuration, parseDuration } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import { routeList } from '../contract.ts';
import { openapi } from './document.ts';
import { examples } from './examples.ts';

type Json = Readonly<Record<string, unknown>>;

const document = openapi('1.2.3') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
};
const { schemas } = document.components;
const operations = routeList.map((route) => ({
  id: route.operationId,
  operation: document.paths[route.path]?.[route.method.toLowerCase()] ?? {},
}));

/** Every object in a value, with the way to it. */
function* partsOf(value: unknown, way = ''): Generator<{ part: Json; way: string }> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { part: value as Json, way };
  for (const [name, inner] of Object.entries(value)) {
    if (name === 'example' || name === 'examples') continue;
    yield* partsOf(inner, `${way}/${name}`);
  }
}

/** Names of the schemas that a value refers to, and of those that these refer to. */
function reachedFrom(value: unknown, seen = new Set<string>()): Set<string> {
  for (const { part } of partsOf(value)) {
    const name = typeof part['$ref'] === 'string' ? part['$ref'].replace('#/components/schemas/', '') : '';
    if (schemas[name] === undefined || seen.has(name)) continue;
    seen.add(name);
    reachedFrom(schemas[name], seen);
  }
  return seen;
}

describe('the OpenAPI document', () => {
  test('names each object and each list of values once: generators make no name from where it stands', () => {
    const unnamed = [...partsOf(document.paths), ...partsOf(schemas)].filter(({ part, way }) => {
      // What a list has beside the fields of every list is an unnamed part of a named schema.
      const isDefinition = /^\/\w+(?:\/allOf\/\d+)?$/.test(way) && !way.startsWith('/v1');
      const isRule = /\/(?:not|if|then)(?:\/|$)/.test(way);
      const needsName =
        part['properties'] !== undefined || part['enum'] !== undefined || part['type'] === 'object';
      return needsName && !isDefinition && !isRule;
    });
    expect(unnamed.map(({ way }) => way)).toEqual([]);
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining([
        'Attempt',
        'Batch',
        'Page',
        'Problem',
        'Queue',
        'Task',
        'TaskInput',
        'TaskPage',
      ]),
    );
  });

  test('uses every schema that it names', () => {
    expect([...reachedFrom(document.paths)].toSorted()).toEqual(Object.keys(schemas));
  });

  test('has no number as a value: generators would name it after the number', () => {
    const numbers = [...partsOf(document)].filter(({ part }) =>
      [part['enum'], part['const']].flat().some((value) => typeof value === 'number'),
    );
    expect(numbers).toEqual([]);
  });

  test('lets answers have fields and values that are not known yet', () => {
    const answered = reachedFrom(operations.map(({ operation }) => operation['responses']));
    for (const name of answered) {
      const closed = [...partsOf(schemas[name])].filter(
        ({ part }) => 'enum' in part || 'const' in part || part['additionalProperties'] === false,
      );
      expect({ name, closed }).toEqual({ name, closed: [] });
    }
    expect(answered).toContain('Task');
  });

  test('names no default in a body: generators take such a field for one that must be sent', () => {
    for (const name of reachedFrom(operations.map(({ operation }) => operation['requestBody']))) {
      const withDefault = [...partsOf(schemas[name])].filter(({ part }) => 'default' in part);
      expect({ name, withDefault }).toEqual({ name, withDefault: [] });
    }
  });

  test('has patterns that every engine of regular expressions knows', () => {
    const patterns = [...partsOf(document)].flatMap(({ part }) =>
      typeof part['pattern'] === 'string' ? [part['pattern']] : [],
    );
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) {
      // No look-around, no reference back, no class by property, and no \u, which Go does not know; it repeats at most a thousand
      // times.
      expect(pattern).not.toMatch(/\(\?[^:]|\\[1-9pPkbBu]|\{\d{4,}|,\d{4,}\}/);
      expect(() => new RegExp(pattern, 'u')).not.toThrow();
    }
  });

  test.each(operations)(
    'says what $id answers to what is broken or too large, and with which headers',
    ({ operation }) => {
      const responses = operation['responses'] as Readonly<Record<string, Json>>;
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '413', '422', '500']));
      expect(responses['405']).toBeUndefined();
      for (const { headers } of Object.values(responses) as { headers: Json }[])
        expect(Object.keys(headers)).toEqual(expect.arrayContaining(['x-request-id', 'cache-control']));
      if ('503' in responses) expect(responses['503']?.['headers']).toHaveProperty('retry-after');
    },
  );

  test('says of what has a version that answers have an ETag, and which changes may depend on it', () => {
    const named = (part: Json | undefined, kind: string) =>
      ((part?.[kind] ?? []) as { $ref?: string }[]).flatMap(({ $ref = '' }) => $ref.split('/').at(-1) ?? []);
    const seen = routeList
      .filter(({ versioned }) => versioned)
      .map(({ operationId, method }) => {
        const operation = operations.find(({ id }) => id === operationId)?.operation ?? {};
        const responses = operation['responses'] as Record<string, { headers: Json }>;
        const withEtag = Object.keys(responses).filter(
          (status) => 'etag' in (responses[status]?.headers ?? {}),
        );
        const conditions = named(operation, 'parameters').filter((name) => name.startsWith('If'));
        return { method, withEtag, conditions, has412: '412' in responses };
      });
    expect(seen.slice(0, 4)).toEqual([
      { method: 'GET', withEtag: ['200', '304'], conditions: ['IfNoneMatch'], has412: false },
      { method: 'PUT', withEtag: ['200', '201'], conditions: ['IfMatch', 'IfNoneMatch'], has412: true },
      { method: 'PATCH', withEtag: ['200'], conditions: ['IfMatch'], has412: true },
      { method: 'DELETE', withEtag: [], conditions: ['IfMatch'], has412: true },
    ]);
    const created = operations.flatMap(({ operation }) => {
      const { 201: answer } = operation['responses'] as Record<number, { headers: Json }>;
      return answer ? [Object.keys(answer.headers)] : [];
    });
    expect(created.length).toBeGreaterThan(1);
    for (const headers of created) expect(headers).toContain('location');
  });

  test.each(operations)(
    'has one example of $id, of what it takes and what it answers',
    ({ id, operation }) => {
      const route = routeList.find(({ operationId }) => operationId === id);
      const { body, answer } = examples[id] as { body?: unknown; answer: unknown };
      expect(route?.body?.safeParse(body).success ?? body === undefined).toBe(true);
      const [good] = Object.entries(route?.answers ?? {});
      if (!good?.[1]) return;
      const media = route?.produces ?? 'application/json';
      const shown = operation['responses'] as Record<
        string,
        { content: Record<string, { example: unknown }> }
      >;
      expect(shown[good[0]]?.content[media]?.example).toEqual(answer);
      if (media === 'application/json') expect(good[1].safeParse(answer).error).toBeUndefined();
    },
  );
});

describe('the pattern of a duration', () => {
  const pattern = String(
    (schemas['FixedBackoff'] as { properties: { delay: Json } }).properties.delay['pattern'],
  );

  test('fits the durations that are read, and no other text', () => {
    const texts = fc.oneof(
      fc.stringMatching(/^P?(?:\d{1,3}[DdTHMSmsh.]{1,2}){1,3}$/),
      fc.constantFrom(
        'P',
        'PT',
        'P1D',
        'P1DT',
        'PT1.5S',
        'PT1H1S',
        '1h30m',
        '',
        '10',
        '1.5s',
        'PT5',
        'P1DT2M',
      ),
      fc.integer({ min: 0, max: 1e9 }).map(formatDuration),
    );
    fc.assert(
      fc.property(texts, (text) => new RegExp(pattern, 'u').test(text) === (parseDuration(text) !== null)),
      { numRuns: 1_000 },
    );
  });
});

test('parameters are shown as callers send them: nothing is of no type, and a time is a text', () => {
  const parameters = operations.flatMap(({ id, operation }) =>
    ((operation['parameters'] ?? []) as { name?: string; in?: string; schema?: Json }[]).map((each) => ({
      id,
      ...each,
    })),
  );
  const untyped = parameters.filter(({ schema }) => schema !== undefined && Object.keys(schema).length === 0);
  expect(untyped).toEqual([]);
  const times = parameters.filter(
    ({ name = '', in: place }) => place === 'query' && ['from', 'to'].includes(name),
  );
  expect(times.length).toBeGreaterThan(3);
  for (const { schema } of times) expect(schema).toMatchObject({ type: 'string', format: 'date-time' });
});
