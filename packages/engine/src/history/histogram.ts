// Spans of time in buckets of a fixed form. Two histograms merge by adding their counts, and quantiles are read off after that:
// an average of percentiles would be wrong. Spans below 16 ms have a bucket each; from there on, each power of two is divided into
// eight buckets. What is read off is the middle of a bucket: at most 1/16 (6.25 %) away from the true value.

/** Below this, buckets are 1 ms wide. */
const EXACT_MS = 16;
const EXACT_BITS = 4;
const BUCKETS_PER_POWER_BITS = 3;
const BUCKETS_PER_POWER = 1 << BUCKETS_PER_POWER_BITS;
/** Longer spans count as this: 24 days. */
const MAX_MS = 2 ** 31 - 1;

/** The largest relative error of a quantile. */
export const MAX_ERROR = 1 / (2 * BUCKETS_PER_POWER);

/** Number of buckets. */
export const BUCKETS = EXACT_MS + (31 - EXACT_BITS) * BUCKETS_PER_POWER;

/** The bucket of a span. Spans are cut to whole ms; one below 0, or that is no number, is 0. */
export function bucketOf(ms: number): number {
  const whole = ms > 0 ? (ms < MAX_MS ? ms | 0 : MAX_MS) : 0;
  if (whole < EXACT_MS) return whole;
  const power = 31 - Math.clz32(whole);
  return (
    EXACT_MS +
    (power - EXACT_BITS) * BUCKETS_PER_POWER +
    ((whole >> (power - BUCKETS_PER_POWER_BITS)) & (BUCKETS_PER_POWER - 1))
  );
}

/** The shortest span of a bucket, ms. That of the next one is above all of its spans. */
export function bucketStart(bucket: number): number {
  if (bucket < EXACT_MS) return bucket;
  const power = Math.floor((bucket - EXACT_MS) / BUCKETS_PER_POWER) + EXACT_BITS;
  return (
    (BUCKETS_PER_POWER + ((bucket - EXACT_MS) % BUCKETS_PER_POWER)) * 2 ** (power - BUCKETS_PER_POWER_BITS)
  );
}

/** The span that stands for all of a bucket, ms. */
const middleOf = (bucket: number): number =>
  bucket < EXACT_MS ? bucket : (bucketStart(bucket) + bucketStart(bucket + 1)) / 2;

/** How often each bucket was hit, by its number. Buckets behind the last one that was hit are left out. */
export type DurationHistogram = number[];

/** Adds one span. */
export function addSpan(histogram: DurationHistogram, ms: number): void {
  const bucket = bucketOf(ms);
  // Without holes, V8 keeps it as a plain array of small numbers.
  while (histogram.length <= bucket) histogram.push(0);
  histogram[bucket]! += 1;
}

/** Adds all of `from` to `to`, as often as `times` says: -1 takes it away. */
export function addHistogram(to: DurationHistogram, from: Readonly<DurationHistogram>, times = 1): void {
  while (to.length < from.length) to.push(0);
  for (let bucket = 0; bucket < from.length; bucket += 1) to[bucket]! += times * from[bucket]!;
}

/** Number of spans. */
export function spansIn(histogram: Readonly<DurationHistogram>): number {
  let sum = 0;
  for (let bucket = 0; bucket < histogram.length; bucket += 1) sum += histogram[bucket]!;
  return sum;
}

/**
 * The span that this part of all spans does not exceed, ms; null = there are none.
 *
 * @param part 0 to 1, such as 0.95
 */
export function quantile(histogram: Readonly<DurationHistogram>, part: number): number | null {
  const total = spansIn(histogram);
  const rank = Math.max(1, Math.ceil(part * total));
  let seen = 0;
  for (let bucket = 0; bucket < histogram.length; bucket += 1) {
    seen += histogram[bucket]!;
    if (total > 0 && seen >= rank) return middleOf(bucket);
  }
  return null;
}

/** A histogram as it is shown. */
export interface Spans {
  /** Ms. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** The buckets that were hit, shortest first: the first ms above the bucket, and how many spans are in it. */
  readonly buckets: readonly (readonly [belowMs: number, count: number])[];
}

/** What is shown of a histogram; null = it is empty. */
export function spansOf(histogram: Readonly<DurationHistogram>): Spans | null {
  const at = (part: number) => quantile(histogram, part);
  const [p50, p95, p99] = [at(0.5), at(0.95), at(0.99)];
  if (p50 === null || p95 === null || p99 === null) return null;
  const buckets = histogram.flatMap((count, bucket) =>
    count > 0 ? [[bucketStart(bucket + 1), count] as const] : [],
  );
  return { p50, p95, p99, buckets };
}
