import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBusinessId, isTaskId, plainTaskId, storedTaskId } from './ids.ts';

describe('a task ID', () => {
  test.each(['a', 'order:1001', 'A_b-C:9', 'a b', 'ä/{b}', 'x'.repeat(255), randomUUID()])(
    '%s can be chosen',
    (id) => {
      expect(isTaskId(id)).toBe(true);
    },
  );

  test.each(['', ' ', 'x'.repeat(256), 'ü'.repeat(128), 'a.b', 'a\ud800', 'a\n', 'a\u202eb'])(
    '%j is refused',
    (id) => {
      expect(isTaskId(id)).toBe(false);
    },
  );

  test.each(['shop', 'a.b', 'x y', 'ä'.repeat(127)])('%s can be the ID of a business', (id) => {
    expect(isBusinessId(id)).toBe(true);
  });

  test.each(['', ' ', 'x'.repeat(256), 'a\ud800', 'a\u0000'])('%j is refused as that of a business', (id) => {
    expect(isBusinessId(id)).toBe(false);
  });

  test('of a business is stored under the name of the business, and is shown without it', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_:-]{1,100}$/);
    fc.assert(
      fc.property(id, fc.option(id), (plain, business) => {
        const stored = storedTaskId(plain, business);
        expect(stored).toBe(business === null ? plain : `${business}.${plain}`);
        expect(plainTaskId(stored, business)).toBe(plain);
      }),
    );
  });

  test('that only looks like one of a business is not changed', () => {
    expect(plainTaskId('shop.1', null)).toBe('shop.1');
    expect(plainTaskId('shop.1', 'bank')).toBe('shop.1');
  });
});
