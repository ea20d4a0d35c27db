import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addHistogram,
  addSpan,
  BUCKETS,
  bucketOf,
  bucketStart,
  MAX_ERROR,
  quantile,
  spansIn,
  spansOf,
  type DurationHistogram,
} from './histogram.ts';

const MAX_MS = 2 ** 31 - 1;

function histogramOf(spans: readonly number[]): DurationHistogram {
  const histogram: DurationHistogram = [];
  for (const ms of spans) addSpan(histogram, ms);
  return histogram;
}

/** Spans as they are: many short ones, some long ones. */
const span = fc.oneof(fc.nat(50), fc.nat(10_000), fc.nat(MAX_MS));
const spans = fc.array(span, { minLength: 1, maxLength: 300 });

describe('a histogram', () => {
  test('puts every span into the bucket that contains it', () => {
    fc.assert(
      fc.property(span, (ms) => {
        const bucket = bucketOf(ms);
        expect(bucketStart(bucket)).toBeLessThanOrEqual(ms);
        expect(bucketStart(bucket + 1)).toBeGreaterThan(ms);
      }),
    );
  });

  test('has buckets that follow one another, and no more than are stated', () => {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) expect(bucketOf(bucketStart(bucket))).toBe(bucket);
    expect(bucketOf(MAX_MS)).toBe(BUCKETS - 1);
  });

  test.each([
    [-1, 0],
    [NaN, 0],
    [0.9, 0],
    [15.9, 15],
    [2 ** 40, BUCKETS - 1],
    [Infinity, BUCKETS - 1],
  ])('counts a span of %d ms in bucket %d', (ms, bucket) => {
    expect(bucketOf(ms)).toBe(bucket);
  });

  test('reads quantiles off that are at most 6.25 % away from those of the spans', () => {
    fc.assert(
      fc.property(spans, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (all, part) => {
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(part * sorted.length)) - 1]!;
        expect(Math.abs(quantile(histogramOf(all), part)! - exact)).toBeLessThanOrEqual(exact * MAX_ERROR);
      }),
    );
  });

  test('merges to that of all spans, in any order, and can be taken away again', () => {
    fc.assert(
      fc.property(spans, spans, (a, b) => {
        const merged = histogramOf(b);
        addHistogram(merged, histogramOf(a));
        expect(merged).toEqual(histogramOf([...a, ...b]));
        expect(spansIn(merged)).toBe(a.length + b.length);
        addHistogram(merged, histogramOf(a), -1);
        expect(spansOf(merged)).toEqual(spansOf(histogramOf(b)));
      }),
    );
  });

  test('has no quantiles without a span', () => {
    expect(quantile([], 0.5)).toBeNull();
    expect(spansOf([0, 0])).toBeNull();
  });

  test('shows the buckets that were hit, with the first ms above each', () => {
    expect(spansOf(histogramOf([3, 3, 20]))).toEqual({
      p50: 3,
      p95: 21,
      p99: 21,
      buckets: [
        [4, 2],
        [22, 1],
      ],
    });
  });
});
