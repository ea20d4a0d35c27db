// Operations about the service itself. Only the metrics need a key.

import * as z from 'zod';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { contractDocument, health, version } from './schemas.ts';

const { get } = resource('service');
const metricsScope = z.enum(['all', 'broker', 'process']).meta({
  id: 'MetricsScope',
  description:
    'What stands in the broker and is the same in each process, what this process has counted, or all',
});
const metricsCompat = z
  .enum(['asynq'])
  .meta({ id: 'MetricsCompat', description: 'Adds the metrics of Asynq’s exporter, with its names' });
const metricsQuery = strict({ scope: metricsScope.default('all'), compat: metricsCompat.optional() });
/** Written as `?verbose` alone, too. */
const verbose = z
  .enum(['', 'true', 'false'])
  .meta({
    id: 'Verbose',
    description: 'Shows each check and what it has found. It takes the key of an operator',
  })
  .optional();
/** Checks are shown to operators. Anybody may ask: without a key the answer is plain. */
const probe = {
  role: '-',
  query: strict({ verbose }),
  problems: ['unauthenticated', 'forbidden'],
  probe: true,
} as const;

export const serviceRoutes = {
  getHealth: get('/healthz', {
    ...probe,
    summary: 'Whether the process is alive',
    answers: { 200: health },
  }),
  getReadiness: get('/readyz', {
    ...probe,
    summary:
      'Whether the service takes requests: started, not stopping, its broker takes tasks and keeps its promises, and no loop hangs',
    answers: { 200: health, 503: health },
  }),
  getStartup: get('/startupz', {
    ...probe,
    summary: 'Whether the service has finished starting',
    answers: { 200: health, 503: health },
  }),
  getVersion: get('/version', {
    role: '-',
    summary: 'Version of the program',
    answers: { 200: version },
  }),
  getOpenapi: get('/openapi.json', {
    role: '-',
    summary: 'This contract as OpenAPI 3.1',
    answers: { 200: contractDocument },
    // It is large: it needs room among the answers that are not yet taken.
    problems: ['overloaded'],
  }),
  getMetrics: get('/metrics', {
    probe: true,
    role: 'viewer',
    mayBeOpen: true,
    summary: 'Figures for Prometheus, in its text format 0.0.4',
    description:
      'Needs a key that is bound to no business. Open without a key where `metrics.open` is set, and on this machine in mode `try`. While the broker does not answer, the metrics of the process are sent, and `taskcenter_broker_up` is 0.',
    query: metricsQuery,
    answers: { 200: z.string() },
    produces: 'text/plain; version=0.0.4; charset=utf-8',
  }),
  getPage: get('/', {
    role: '-',
    summary: 'A page for people about this service',
    // A link to the page may carry any parameters; none is read.
    query: z.looseObject({}),
    answers: { 200: z.string() },
    answerHeaders: ['content-security-policy'],
    produces: 'text/html; charset=utf-8',
  }),
};
