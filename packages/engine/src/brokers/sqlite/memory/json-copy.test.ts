import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonCopy } from './json-copy.ts';

const byJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, NaN, Infinity),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 3 }),
    fc.array(tie('data'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', '0', 'a')), tie('data'), { maxKeys: 4 }),
  ),
}));

test('a copy is what JSON makes of the value', () => {
  fc.assert(
    fc.property(data, (value) => {
      const packet = { value };
      expect(jsonCopy(packet)).toStrictEqual(byJson(packet));
      expect(JSON.stringify(jsonCopy(packet))).toBe(JSON.stringify(packet));
    }),
    { numRuns: 300 },
  );
});

test('a copy shares nothing with the value, and leaves it as it is', () => {
  const value = { left: undefined, list: [{ n: 1 }] };
  const copy = jsonCopy(value) as { list: { n: number }[] };
  for (const item of copy.list) item.n = 2;
  expect(value).toStrictEqual({ left: undefined, list: [{ n: 1 }] });
});
