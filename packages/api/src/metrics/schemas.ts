import * as z from 'zod';
import { time } from '../values.ts';

/** What the history counts: how often something happened in a step. */
const COUNTS = [
  'enqueued',
  'started',
  'succeeded',
  'failed',
  'retried',
  'archived',
  'cancelled',
  'recovered',
  'deferred',
  'callbacks',
] as const;
/** Lengths of time: how long tasks waited once they were due, and how long their attempts ran. */
const SPANS = ['wait_ms', 'run_ms'] as const;
/** What is sampled at the end of a step. */
const SAMPLES = ['pending', 'scheduled', 'retry', 'active', 'oldest_pending_ms', 'paused'] as const;

/** The metrics of the history by what they are. */
export const HISTORY_METRICS = { counts: COUNTS, spans: SPANS, samples: SAMPLES } as const;

export const historyMetric = z
  .enum([...COUNTS, ...SPANS, ...SAMPLES])
  .meta({ id: 'HistoryMetric', description: 'A metric of the history' });
export const historyBy = z
  .enum(['queue', 'kind', 'business', 'type', 'host'])
  .meta({ id: 'HistoryBy', description: 'By what a metric is told apart' });
const STEPS = ['1m', '1h'] as const;
export const historyStep = z.enum(STEPS).meta({ id: 'HistoryStep', description: 'A minute or an hour' });

/** The classes of the metric `callbacks`. */
const CALLBACK_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'timeout', 'refused', 'error'];

const percentiles = {
  p50: z.number().meta({ description: 'Half of all took no longer, ms' }),
  p95: z.number(),
  p99: z.number(),
};
/** Lengths of time, read off their histogram: at most 6.25 % away from what was measured. */
export const spanFigures = z.object(percentiles).meta({
  id: 'SpanFigures',
  description: 'What 50, 95 and 99 % of the lengths of time do not exceed, ms',
});
const spans = z
  .object({
    ...percentiles,
    buckets: z.array(z.tuple([z.int(), z.int().min(1)])).meta({
      description: 'Those that have something: the first whole ms above the bucket, and how many lie in it',
    }),
  })
  .meta({ id: 'HistorySpans', description: 'Lengths of time in a step, ms' });

const value = z
  .union([z.number(), spans])
  .meta({ id: 'HistoryValue', description: 'A number; of wait_ms and run_ms a HistorySpans' });

const labels = z.record(z.string(), z.string().nullable()).meta({
  id: 'HistoryLabels',
  description: `The key under the name of \`by\`; null = all others, whose names are not kept or not shown. callbacks have a \`class\`, too: ${CALLBACK_CLASSES.join(' ')}`,
});

/** A time in which nobody sampled. */
const gap = z
  .object({ from: time, to: time, value })
  .meta({ id: 'HistoryGap', description: 'What happened while nobody sampled' });

const series = z
  .object({
    labels,
    points: z.array(z.tuple([time, value])).meta({
      description:
        'The start of a step and its value, in the order of time. What is counted was 0 in a step without a point; of a sample nothing is known there',
    }),
    gaps: z.array(gap).meta({
      description:
        'What happened while nobody sampled, and is in no point. Points and gaps add up to all that happened',
    }),
  })
  .meta({ id: 'HistorySeries', description: 'A series of a history' });

/** `GET /v1/metrics/history` */
export const metricsHistory = z
  .object({ step: z.enum(STEPS), series: z.array(series) })
  .meta({ id: 'MetricsHistory', description: 'A metric over time' });

export type MetricsHistory = z.output<typeof metricsHistory>;
