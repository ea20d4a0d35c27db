/** Figures of the past. Most belong to all businesses and queues together: a bound key sees only those that are told apart by what binds it. */
import type { MetricsHistory } from '@task-center/api';
import { timeText } from '@task-center/api';
import { control } from '@task-center/engine';
import { seesBusiness, seesQueue, type Principal } from '../../auth/principal.ts';
import { invalid, ProblemError } from '../../problem.ts';
import type { Call, Handlers, Reply } from '../call.ts';

type HistoryCall = Call<'getMetricsHistory'>;
type By = HistoryCall['query']['by'];

const STORED_STEPS = { '1m': 'minute', '1h': 'hour' } as const;
const DEFAULT_RANGE_MS = { '1m': 3_600_000, '1h': 24 * 3_600_000 } as const;

/**
 * Refuses what a bound key could only be shown together with the figures of others.
 *
 * @throws ProblemError `forbidden`
 */
function requireApart({ businesses, queues }: Principal, by: By): void {
  const [bound, apart] = [businesses && 'businesses', queues && 'queues'];
  const refused = [by !== 'business' && bound, by !== 'queue' && apart].find((name) => name);
  if (!refused) return;
  const advice = businesses !== null && queues !== null ? '' : ` Ask by=${bound ? 'business' : 'queue'}.`;
  throw new ProblemError(
    'forbidden',
    `A key that is bound to ${refused} may not see the history by ${by}, which is kept of all ${refused} together.${advice}`,
    { extra: { needed: { [refused]: null } } },
  );
}

/** The keys that are read; undefined = all. */
async function keysOf({ query, principal, deps }: HistoryCall): Promise<readonly string[] | undefined> {
  const { by, key } = query;
  const isSeen = (name: string) => by !== 'queue' || seesQueue(principal, name);
  if (key !== undefined) {
    const isOwn = by === 'business' ? seesBusiness(principal, key) : isSeen(key);
    return isOwn ? [key] : [];
  }
  if (principal.businesses !== null) return principal.businesses;
  if (principal.queues === null) return undefined;
  return (await control.listLogicalQueues(deps.broker)).filter(isSeen);
}

/** @throws ProblemError `validation-failed` */
async function requestOf(call: HistoryCall): Promise<control.MetricsHistoryRequest> {
  const { metric, by, step, from, to = call.deps.runtime.clock.wallMs() } = call.query;
  const range = { fromMs: from ?? Math.max(0, to - DEFAULT_RANGE_MS[step]), toMs: to };
  const request = { metric, by, step: STORED_STEPS[step], ...range };
  const fault = control.metricsHistoryFault(request);
  if (fault !== null) {
    const parameter = fault.field === 'by' ? 'by' : 'from';
    throw invalid([{ parameter, code: 'invalid_value', message: `must be ${fault.expected}`, got: null }]);
  }
  const keys = await keysOf(call);
  return keys === undefined ? request : { ...request, keys };
}

function presentSeries(
  by: By,
  { key, callbackClass, points, gaps }: control.MetricsHistory['series'][number],
) {
  return {
    labels: { [by]: key, ...(callbackClass && { class: callbackClass }) },
    points: points.map(([ms, value]) => [timeText(ms), value] as const),
    gaps: gaps.map(({ fromMs, toMs, value }) => ({ from: timeText(fromMs), to: timeText(toMs), value })),
  };
}

/** `GET /v1/metrics/history`. A key that names what the caller may not see has no series: it cannot tell whether there is one. */
async function getMetricsHistory(call: HistoryCall): Promise<Reply> {
  const { query, deps, principal } = call;
  requireApart(principal, query.by);
  const { series } = await control.readMetricsHistory(deps.broker, await requestOf(call));
  const body = {
    step: query.step,
    series: series.map((one) => presentSeries(query.by, one)),
  };
  return { body: body satisfies Shown };
}

/** The same without the mutability that Zod's types have. */
type Shown = DeepReadonly<MetricsHistory>;
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export const metricHandlers = { getMetricsHistory } satisfies Partial<Handlers>;
