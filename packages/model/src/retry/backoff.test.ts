import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, type Backoff } from './backoff.ts';

const exponential: Backoff = {
  kind: 'exponential',
  initialMs: 1_000,
  maxMs: 300_000,
  factor: 2,
  jitter: 0.25,
};
const linear: Backoff = { kind: 'linear', initialMs: 500, stepMs: 250, maxMs: 1_200, jitter: 0 };
const fixed: Backoff = { kind: 'fixed', delayMs: 2_000, jitter: 0.5 };
const list: Backoff = { kind: 'list', delaysMs: [10, 200, 3_000], jitter: 0 };

describe('a backoff', () => {
  test.each([
    [
      'exponential',
      exponential,
      [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000],
    ],
    ['linear', linear, [500, 750, 1_000, 1_200, 1_200]],
    ['fixed', fixed, [2_000, 2_000, 2_000]],
    ['list', list, [10, 200, 3_000, 3_000]],
  ])('of the kind %s has these delays', (_, backoff, delays) => {
    expect(delays.map((_ms, i) => backoffMs(i + 1, backoff, 0))).toEqual(delays);
  });

  test.each([
    [1, 0.5, exponential, 1_125],
    [20, 0.999, exponential, 300_000],
    [1, 0.5, fixed, 2_500],
  ] as const)('before retry %i with chance %f adds its jitter, but never exceeds its maximum', (...row) => {
    const [n, chance, backoff, ms] = row;
    expect(backoffMs(n, backoff, chance)).toBe(ms);
  });

  test.each([
    [0, 15, 44],
    [1, 16, 74],
    [2, 31, 118],
    [10, 10_015, 10_334],
    [24, 331_791, 332_516],
  ])('of the kind asynq is, after %i retries, %i to %i s long', (retried, minS, maxS) => {
    expect(backoffMs(retried + 1, { kind: 'asynq' }, 0)).toBe(minS * 1_000);
    expect(backoffMs(retried + 1, { kind: 'asynq' }, 0.999)).toBe(maxS * 1_000);
  });

  test('with an empty list does not wait', () => {
    expect(backoffMs(3, { kind: 'list', delaysMs: [], jitter: 0.25 }, 0.9)).toBe(0);
  });

  test.each([NaN, Infinity, -1, 1])('adds no jitter by the chance %d, which is none', (chance) => {
    expect(backoffMs(1, fixed, chance)).toBe(2_000);
    expect(backoffMs(1, { kind: 'asynq' }, chance)).toBe(15_000);
  });

  test('is a whole number of ms, at least the plain delay, at most that with its jitter, and never shrinks', () => {
    const n = fc.integer({ min: 1, max: 1_000_000 });
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const backoff = fc.record({
      kind: fc.constant('exponential' as const),
      initialMs: fc.integer({ min: 0, max: 600_000 }),
      maxMs: fc.integer({ min: 1, max: 86_400_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(n, backoff, chance, (retry, policy, random) => {
        const ms = backoffMs(retry, policy, random);
        const plain = backoffMs(retry, policy, 0);
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeLessThanOrEqual(policy.maxMs);
        expect(ms).toBeGreaterThanOrEqual(plain);
        expect(ms).toBeLessThanOrEqual(Math.ceil((plain + 1) * (1 + policy.jitter)));
        expect(backoffMs(retry + 1, policy, random)).toBeGreaterThanOrEqual(ms);
      }),
    );
  });
});
