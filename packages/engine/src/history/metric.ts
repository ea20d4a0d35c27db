import { addHistogram, spansOf, type DurationHistogram, type Spans } from './histogram.ts';
import { seriesCount, type Count, type Gauges, type Series } from './series.ts';

/** What can be read of the history. */
export const HISTORY_COUNTS = [
  'enqueued',
  'started',
  'succeeded',
  'failed',
  'retried',
  'archived',
  'cancelled',
  'recovered',
  'deferred',
] as const satisfies readonly Count[];
export const HISTORY_SPANS = ['wait_ms', 'run_ms'] as const;
export const HISTORY_GAUGES = [
  'pending',
  'scheduled',
  'retry',
  'active',
  'oldest_pending_ms',
  'paused',
] as const;
export const ANSWER_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'timeout', 'refused', 'error'] as const;

export type HistoryGauge = (typeof HISTORY_GAUGES)[number];
export type CallbackClass = (typeof ANSWER_CLASSES)[number];
export type HistoryMetric =
  (typeof HISTORY_COUNTS)[number] | (typeof HISTORY_SPANS)[number] | HistoryGauge | 'callbacks';

export const isGauge = (metric: HistoryMetric): metric is HistoryGauge =>
  (HISTORY_GAUGES as readonly string[]).includes(metric);

/** The value of a gauge. */
export const gaugeValue = (gauges: Gauges, metric: HistoryGauge): number =>
  metric === 'oldest_pending_ms' ? gauges.oldestPendingS * 1_000 : gauges[metric];

/** Sums up one figure of series: a count, or a histogram that is read off at the end. */
export interface Sum {
  add(series: Series): void;
  /** Null = nothing was added that counts. */
  value(): number | Spans | null;
}

/** Of counts. None is no value: steps in which nothing happened are left out. */
class CountSum implements Sum {
  #sum = 0;
  readonly #count: Count;

  constructor(count: Count) {
    this.#count = count;
  }

  add(series: Series): void {
    this.#sum += seriesCount(series, this.#count);
  }

  value(): number | null {
    return this.#sum > 0 ? this.#sum : null;
  }
}

/** Of spans: merged first, read off at the end. */
class SpanSum implements Sum {
  readonly #histogram: DurationHistogram = [];
  readonly #part: 'wait' | 'run';

  constructor(part: 'wait' | 'run') {
    this.#part = part;
  }

  add(series: Series): void {
    addHistogram(this.#histogram, series[this.#part]);
  }

  value(): Spans | null {
    return spansOf(this.#histogram);
  }
}

/** What sums up a metric that is no gauge. `class`: of callbacks. */
export function createSum(
  metric: Exclude<HistoryMetric, HistoryGauge>,
  callbackClass: CallbackClass | null,
): Sum {
  if (metric === 'wait_ms') return new SpanSum('wait');
  if (metric === 'run_ms') return new SpanSum('run');
  return new CountSum(metric === 'callbacks' ? `callbacks:${callbackClass ?? 'error'}` : metric);
}
