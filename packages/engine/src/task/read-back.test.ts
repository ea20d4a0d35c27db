import { describe, expect, test } from 'vitest';
import { z, type ZodType } from 'zod';
import { checkReadBack } from './read-back.ts';

class Order {
  readonly id = 1;
}

/** Checks a value as a client does that was given it with a definition of this schema. */
async function check(schema: ZodType, value: unknown): Promise<void> {
  const output = await schema.parseAsync(value);
  await checkReadBack({
    name: 'payload of "t"',
    value,
    output,
    check: (read) => schema.parseAsync(read),
  });
}

const date = new Date('2026-11-30T06:00:00Z');
/** It passes on what it is given, as schemas without a copy do. */
const asIs = <T>() => z.custom<T>(() => true);

describe('a value that a schema has taken', () => {
  test.each([
    ['z.date()', z.date(), date, '', 'a Date', 'z.coerce.date()'],
    [
      'a date in a list',
      z.object({ days: z.array(z.date()) }),
      { days: [date] },
      ' at days.0',
      'a Date',
      'z.iso.datetime()',
    ],
    [
      'an optional date that is there',
      z.object({ x: z.undefined().optional(), at: z.date().optional() }),
      { x: undefined, at: date },
      ' at at',
      'a Date',
      'z.coerce.date()',
    ],
    ['a date that is passed on', asIs<{ at: Date }>(), { at: date }, ' at at', 'a Date', 'z.coerce.date()'],
    ['a date or a text', z.union([z.date(), z.string()]), date, '', 'a Date', 'z.coerce.date()'],
    [
      'z.map()',
      z.object({ by: z.map(z.string(), z.number()) }),
      { by: new Map() },
      null,
      'a Map',
      'z.record(',
    ],
    ['z.set()', z.set(z.string()), new Set(['a']), null, 'a Set', 'z.array('],
    ['z.bigint()', z.object({ n: z.bigint() }), { n: 5n }, null, 'a BigInt', 'z.coerce.bigint()'],
    [
      'z.instanceof(Uint8Array)',
      z.instanceof(Uint8Array),
      Buffer.from('no JSON'),
      '',
      'a Uint8Array',
      'z.base64()',
    ],
    [
      'z.instanceof(URL)',
      z.object({ to: z.instanceof(URL) }),
      { to: new URL('http://a.test') },
      ' at to',
      'a URL',
      'z.url()',
    ],
    [
      'z.instanceof of a class',
      z.instanceof(Order),
      new Order(),
      '',
      'an object of a class',
      'the plain values',
    ],
    [
      'undefined where it must be',
      z.object({ a: z.custom((v) => v === undefined) }).refine((v) => 'a' in v),
      { a: undefined },
      ' at a',
      'undefined',
      'z.nullable(',
    ],
  ] as const)(
    'is refused if JSON does not give it back: %s',
    async (...[, schema, value, at, found, instead]) => {
      await expect(check(schema, value)).rejects.toMatchObject({
        code: 'invalid-value',
        message: expect.stringContaining(
          at === null ? `found ${found}` : `payload of "t"${at} is not valid: found ${found}`,
        ),
        fix: expect.stringContaining(instead),
      });
    },
  );

  test.each([
    ['plain values', z.object({ a: z.array(z.number()), b: z.null() }), { a: [1, -0], b: null }],
    ['a date that is read from its text', z.object({ at: z.coerce.date() }), { at: date }],
    [
      'a text that becomes a date',
      z.object({ at: z.iso.datetime().transform((at) => new Date(at)) }),
      { at: date.toISOString() },
    ],
    ['a list that becomes a Set', z.array(z.string()).transform((list) => new Set(list)), ['a']],
    ['a text that becomes a BigInt', z.coerce.bigint(), '5'],
    ['a field that is undefined', z.object({ a: z.string().optional() }), { a: undefined }],
    [
      'a default by chance',
      z.object({ id: z.string().default(() => String(Math.random())), a: z.undefined().optional() }),
      { a: undefined },
    ],
    ['an object of a class', asIs<Order>(), new Order()],
    ['a boxed number', asIs<number>(), { n: new Number(5) }],
    ['no payload', z.undefined(), undefined],
    ['bytes that are JSON of the same kind', asIs<string>().transform(() => 1), Buffer.from('"a"')],
  ] as const)('is taken if JSON gives it back: %s', async (...[, schema, value]) => {
    await check(schema, value);
  });

  test('that is plain JSON is not checked a second time', async () => {
    const refuse = () => Promise.reject(new Error('it was checked again'));
    const value = { a: [{ b: 'text', c: [1, true, null] }] };
    await checkReadBack({ name: 'payload', value, output: value, check: refuse });
  });
});
