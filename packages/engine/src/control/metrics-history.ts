/** What happened in the past, by minute or hour, as the history keeps it. */
import type { Broker } from '../broker/broker.ts';
import { HISTORY_STEP_MS, type HistoryStep } from '../broker/history.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { anyText, listOf, oneOf } from '../checks/values.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import {
  HISTORY_COUNTS,
  HISTORY_GAUGES,
  HISTORY_SPANS,
  isGauge,
  type HistoryMetric,
} from '../history/metric.ts';
import { readHistory, type MetricRequest, type ReadHistory, type ShownBy } from '../history/read-history.ts';
import { silentLog } from '../runtime/log.ts';
import { facetsOf } from './arguments.ts';
import { wallMs } from './schedule-arguments.ts';

/** Which figures of the past are read. */
export type MetricsHistoryRequest = Omit<MetricRequest, 'limit'>;
export type MetricsHistory = ReadHistory;

const METRICS: readonly HistoryMetric[] = [
  ...HISTORY_COUNTS,
  ...HISTORY_SPANS,
  ...HISTORY_GAUGES,
  'callbacks',
];
const SHOWN_BY: readonly ShownBy[] = ['queue', 'kind', 'type', 'business', 'host'];
/** A range asked for, with the unit in which an error names it. */
const MAX_RANGE: Readonly<Record<HistoryStep, { readonly ms: number; readonly text: string }>> = {
  minute: { ms: 24 * 3_600_000, text: '24 hours of minutes' },
  hour: { ms: 31 * 24 * 3_600_000, text: '31 days of hours' },
};
/** Series that are shown by their names. The others are one. */
const MAX_NAMED_SERIES = 100;
/** Points of an answer. Those of spans are large. More steps leave room for fewer series. */
const MAX_POINTS = { numbers: 50_000, spans: 20_000 };

const checkRequest = createOptionsCheck<MetricsHistoryRequest>('readMetricsHistory', {
  metric: required(oneOf(METRICS)),
  by: required(oneOf(SHOWN_BY)),
  keys: listOf(anyText, 'a list of keys'),
  fromMs: required(wallMs),
  toMs: required(wallMs),
  step: required(oneOf(['minute', 'hour'])),
});

/** Whether the metric is kept by this: gauges and two counts belong to whole queues. */
function isKeptBy(metric: HistoryMetric, by: ShownBy): boolean {
  if (by === 'queue' || by === 'kind') return true;
  return !isGauge(metric) && metric !== 'enqueued' && metric !== 'recovered';
}

/** What a request cannot have, although each of its fields is valid on its own. */
export interface MetricsHistoryFault {
  readonly field: 'by' | 'fromMs';
  /** In words, such as `a time before the end`. */
  readonly expected: string;
}

/** What is wrong with a request; null = nothing. */
export function metricsHistoryFault(request: MetricsHistoryRequest): MetricsHistoryFault | null {
  const { metric, by, fromMs, toMs, step } = checkRequest(request);
  if (!isKeptBy(metric, by))
    return { field: 'by', expected: `queue or kind: ${metric} is kept by these alone` };
  if (fromMs >= toMs) return { field: 'fromMs', expected: 'a time before the end' };
  const { ms, text } = MAX_RANGE[step];
  return toMs - fromMs > ms ? { field: 'fromMs', expected: `at most ${text} before the end` } : null;
}

/** How many series an answer has room for. */
function seriesLimit({ metric, fromMs, toMs, step }: MetricsHistoryRequest): number {
  const isSpans = (HISTORY_SPANS as readonly HistoryMetric[]).includes(metric);
  const steps = Math.ceil((toMs - fromMs) / HISTORY_STEP_MS[step]);
  return Math.max(
    1,
    Math.min(MAX_NAMED_SERIES, Math.floor(MAX_POINTS[isSpans ? 'spans' : 'numbers'] / steps)),
  );
}

/**
 * A metric over time. Series beyond the most frequent ones, 100 at most, are given as one whose key is null; the longer the time, the
 * fewer are shown by their names.
 *
 * @throws TaskCenterError `invalid-value`: also where the metric is not kept by that, and for more than 24 hours of minutes or 31 days
 * of hours
 */
export async function readMetricsHistory(
  broker: Broker,
  request: MetricsHistoryRequest,
): Promise<MetricsHistory> {
  facetsOf(broker, 'history', 'inspect');
  const fault = metricsHistoryFault(request);
  if (fault) throw invalidValue(fault.field, request[fault.field], fault.expected);
  // The loop that samples tells of pages that cannot be read.
  return readHistory({ broker, log: silentLog }, { ...request, limit: seriesLimit(request) });
}
