import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { queueOrder } from './queue-order.ts';

/** Numbers in [0, 1) that are the same in each run. */
function createChance(): () => number {
  let seed = 42;
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
}

describe('the order of queues', () => {
  test('of a list is the order of the list, without shares', () => {
    const order = queueOrder(['b', 'a', 'b']);
    expect(order.names).toEqual(['b', 'a']);
    expect(order.next(10, () => 0.9)).toEqual({ queues: ['b', 'a'] });
  });

  test('of priorities in strict order is highest first, without shares', () => {
    const order = queueOrder({ low: 1, high: 6, mid: 3 }, 'strict');
    expect(order.next(10, () => 0.9)).toEqual({ queues: ['high', 'mid', 'low'] });
  });

  test.each([1, 2, 7, 10, 128])('gives each queue its share of a room of %i on average', (room) => {
    const order = queueOrder({ critical: 6, default: 3, low: 1 });
    const chance = createChance();
    const sums: Record<string, number> = { critical: 0, default: 0, low: 0 };
    const exchanges = 4_000;
    for (let i = 0; i < exchanges; i += 1) {
      const { queues, shares = [] } = order.next(room, chance);
      queues.forEach((name, index) => (sums[name] = (sums[name] ?? 0) + (shares[index] ?? 0)));
    }
    const part = (name: string) => (sums[name] ?? 0) / (exchanges * room);
    expect(part('critical')).toBeCloseTo(0.6, 1);
    expect(part('default')).toBeCloseTo(0.3, 1);
    expect(part('low')).toBeCloseTo(0.1, 1);
  });

  test('asks each queue first in proportion to its weight', () => {
    const order = queueOrder({ critical: 6, default: 3, low: 1 });
    const chance = createChance();
    let first = 0;
    for (let i = 0; i < 10_000; i += 1) first += order.next(1, chance).queues[0] === 'low' ? 1 : 0;
    expect(first / 10_000).toBeCloseTo(0.1, 1);
    expect(first).toBeGreaterThan(800);
    expect(first).toBeLessThan(1_200);
  });

  test('has shares that are whole, never negative, and fill the room exactly', () => {
    const unit = fc.double({ min: 0, max: 0.999_999, noNaN: true });
    const weights = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 256 }), unit, (list, room, chance) => {
        const order = queueOrder(Object.fromEntries(list.map((weight, i) => [`q${i}`, weight])));
        const { queues, shares = [] } = order.next(room, () => chance);
        expect([...queues].sort()).toEqual([...order.names].sort());
        expect(shares.every((share) => Number.isInteger(share) && share >= 0)).toBe(true);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(room);
      }),
    );
  });

  test.each([0, -1, 1.5, NaN, Infinity])('refuses a priority of %d', (priority) => {
    expect(() => queueOrder({ a: priority })).toThrow(expect.objectContaining({ code: 'invalid-value' }));
  });
});
