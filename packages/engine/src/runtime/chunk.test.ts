import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunk } from './chunk.ts';

describe('chunks of a list', () => {
  test('hold the items in order, within both limits', () => {
    expect(chunk([3, 3, 3, 9, 1], { maxItems: 2, maxBytes: 6 }, (size) => size)).toEqual([
      [3, 3],
      [3],
      [9],
      [1],
    ]);
  });

  test('of an empty list are none', () => {
    expect(chunk([], { maxItems: 2, maxBytes: 6 }, () => 1)).toEqual([]);
  });

  test('lose nothing, and exceed the bytes only with one item alone', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 30 }),
        (items, maxItems, maxBytes) => {
          const chunks = chunk(items, { maxItems, maxBytes }, (size) => size);
          expect(chunks.flat()).toEqual(items);
          for (const part of chunks) {
            expect(part.length).toBeLessThanOrEqual(maxItems);
            expect(part.length).toBeGreaterThan(0);
            if (part.length > 1)
              expect(part.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(maxBytes);
          }
        },
      ),
    );
  });
});
