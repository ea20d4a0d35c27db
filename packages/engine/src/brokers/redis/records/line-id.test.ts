import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { longId, shortId } from './line-id.ts';

test('a UUID takes 22 characters, that of a business as many more as the business has', () => {
  const id = '0192f3c4-5b6a-7def-8123-456789abcdef';
  expect(shortId(id)).toHaveLength(22);
  expect(shortId(`acme.${id}`)).toHaveLength(27);
});

test('every ID comes back as it was', () => {
  const anId = fc.oneof(
    fc.uuid(),
    fc.string(),
    fc.string({ unit: 'grapheme' }),
    fc.uuid().map((id) => id.toUpperCase()),
  );
  const parts = fc.tuple(fc.constantFrom('', '=', 'acme.', '=acme.', 'a;b\n.'), anId);
  const property = fc.property(parts, ([before, id]) => {
    expect(longId(shortId(before + id))).toBe(before + id);
  });
  fc.assert(property);
});
