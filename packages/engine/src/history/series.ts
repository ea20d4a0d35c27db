import { addHistogram, spansIn, type DurationHistogram } from './histogram.ts';

/** Counts of a series as they are stored, in this order: what comes later is appended. The first four are the most frequent. */
export const SERIES_COUNTS = [
  'started',
  'succeeded',
  'enqueued',
  'failed',
  'retried',
  'archived',
  'cancelled',
  'recovered',
  'deferred',
  'callbacks:2xx',
  'callbacks:3xx',
  'callbacks:4xx',
  'callbacks:5xx',
  'callbacks:timeout',
  'callbacks:refused',
  'callbacks:error',
] as const;

export type Count = (typeof SERIES_COUNTS)[number];

/** Where each count is in `Series.counts`. */
export const COUNT_INDEX = Object.fromEntries(SERIES_COUNTS.map((count, i) => [count, i])) as Readonly<
  Record<Count, number>
>;

/** What is sampled of a queue at the end of a step. */
export interface Gauges {
  readonly pending: number;
  readonly scheduled: number;
  readonly retry: number;
  readonly active: number;
  /** For how long the next task to run has been pending, whole s, rounded up; 0 = none is. */
  readonly oldestPendingS: number;
  /** 0 or 1. */
  readonly paused: number;
}

/** The gauges in the order in which they are stored. */
export const GAUGES = [
  'pending',
  'scheduled',
  'retry',
  'active',
  'oldestPendingS',
  'paused',
] as const satisfies readonly (keyof Gauges)[];

/** The gauges of a queue that is empty, or gone. */
export const NO_GAUGES: Gauges = {
  pending: 0,
  scheduled: 0,
  retry: 0,
  active: 0,
  oldestPendingS: 0,
  paused: 0,
};

/** What happened in a step to a queue, a type, a business or a host. */
export interface Series {
  /** By `COUNT_INDEX`; those behind the end are 0. */
  readonly counts: number[];
  /** How long tasks had been due when they started. */
  readonly wait: DurationHistogram;
  /** How long attempts ran. */
  readonly run: DurationHistogram;
  /** Null = not sampled, or as before. */
  gauges: Gauges | null;
}

/** Series by the name of their queue, type, business or host. */
export type SeriesMap = Map<string, Series>;

/** A series in which nothing has happened. */
export const newSeries = (): Series => ({ counts: [], wait: [], run: [], gauges: null });

/** The series of that key, which is made when it is missing. */
export function seriesOf(map: SeriesMap, key: string): Series {
  let series = map.get(key);
  if (!series) map.set(key, (series = newSeries()));
  return series;
}

/** Adds to one count. */
export function addCount(series: Series, count: Count, by: number): void {
  const { counts } = series;
  const index = COUNT_INDEX[count];
  while (counts.length <= index) counts.push(0);
  counts[index]! += by;
}

/** One count of a series. */
export const seriesCount = ({ counts }: Series, count: Count): number => counts[COUNT_INDEX[count]] ?? 0;

/** Gauges of two queues that are shown as one. */
export const sumGauges = (a: Gauges, b: Gauges): Gauges => ({
  pending: a.pending + b.pending,
  scheduled: a.scheduled + b.scheduled,
  retry: a.retry + b.retry,
  active: a.active + b.active,
  oldestPendingS: Math.max(a.oldestPendingS, b.oldestPendingS),
  paused: Math.max(a.paused, b.paused),
});

/** Adds counts and spans of `from` to `to`, as often as `times` says: -1 takes them away. Gauges are not touched. */
export function addSeries(to: Series, from: Series, times = 1): void {
  for (let i = 0; i < from.counts.length; i += 1)
    to.counts[i] = (to.counts[i] ?? 0) + times * from.counts[i]!;
  addHistogram(to.wait, from.wait, times);
  addHistogram(to.run, from.run, times);
}

/** The same for all series of a map. */
export function addAll(to: SeriesMap, from: SeriesMap, times = 1): void {
  for (const [key, series] of from) addSeries(seriesOf(to, key), series, times);
}

/** How much happened in a series: the rarest ones are merged first. */
export const seriesWeight = ({ counts, wait, run }: Series): number =>
  Math.max(spansIn(counts), spansIn(wait), spansIn(run));

/** Whether there is nothing to store. */
export const isEmptySeries = (series: Series): boolean =>
  series.gauges === null && seriesWeight(series) === 0;
