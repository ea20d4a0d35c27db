import * as z from 'zod';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { instantParameter } from '../values.ts';
import { historyBy, historyMetric, historyStep, metricsHistory } from './schemas.ts';

const { get } = resource('metrics');

export const metricRoutes = {
  getMetricsHistory: get('/v1/metrics/history', {
    role: 'viewer',
    summary: 'A metric over time, by minute or hour',
    description:
      'A call may ask for 24 hours of minutes, or 31 days of hours. Series beyond the most frequent ones are answered as one, whose label is null: ' +
      '100 are shown, and fewer where a long time would make too many points. ' +
      'enqueued, recovered and the samples are kept by queue and kind alone. ' +
      'A key that is bound to businesses may ask by business, and sees its own; one that is bound to queues may ask by queue, and sees these.',
    query: strict({
      metric: historyMetric,
      by: historyBy.default('queue'),
      key: z
        .string()
        .min(1)
        .max(512)
        .meta({ description: 'Only the series of this queue, kind, business, type or host. Default: all' })
        .optional(),
      from: instantParameter(
        'Steps from that of this time on. Default: an hour before `to`, with step=1h a day before it',
      ).optional(),
      to: instantParameter('Steps that begin before this time. Default: now').optional(),
      step: historyStep.default('1m'),
    }),
    answers: { 200: metricsHistory },
  }),
};
