import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitsBytes } from './texts.ts';

test('the bytes of a text are counted as UTF-8 has them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 90 }), fc.nat(255), (text, maxBytes) => {
      expect(fitsBytes(text, maxBytes)).toBe(Buffer.byteLength(text) <= maxBytes);
    }),
  );
});
