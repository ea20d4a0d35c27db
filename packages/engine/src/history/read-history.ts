import { logicalQueue } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { HISTORY_KEPT, type HistoryBy, type HistoryStep } from '../broker/history.ts';
import type { Log } from '../runtime/log.ts';
import { ONE_MINUTE_MS } from './broker-minutes.ts';
import { STEP_MINUTES, type Block } from './documents.ts';
import { carryGauges } from './gauge-points.ts';
import type { Spans } from './histogram.ts';
import {
  ANSWER_CLASSES,
  createSum,
  gaugeValue,
  isGauge,
  type CallbackClass,
  type HistoryGauge,
  type HistoryMetric,
  type Sum,
} from './metric.ts';
import { seriesWeight, type Gauges, type Series } from './series.ts';
import { readStoredPages, type ReadPages } from './stored-pages.ts';
import { Unreadable } from './unreadable.ts';

/** Of more series, the rarest are shown as `other`, unless another number is asked for. */
const DEFAULT_LIMIT = 100;

/** By what the history can be read. `queue`: logical queues, both kinds together; `kind`: `handler` or `callback`, all queues together. */
export type ShownBy = HistoryBy | 'kind';

/** Asks for a metric. */
export interface MetricRequest {
  readonly metric: HistoryMetric;
  readonly by: ShownBy;
  /** Only these: logical queues, kinds, types, businesses or hosts. Default: all. */
  readonly keys?: readonly string[] | undefined;
  /** How many series are shown by their names: those with most. The others are `other`. Default 100. */
  readonly limit?: number | undefined;
  /** Wall-clock ms of the broker. Whole steps are given; what is older than the history is left out. */
  readonly fromMs: number;
  /** That after the last ms. */
  readonly toMs: number;
  readonly step: HistoryStep;
}

export type HistoryValue = number | Spans;

/** A metric of one queue, kind, type, business or host. */
export interface HistorySeries {
  /** Null = `other`: series that are not kept, or not shown, by their own names. */
  readonly key: string | null;
  /** How the callbacks ended, of the metric `callbacks`. */
  readonly callbackClass?: CallbackClass;
  /** Values by the start of their step, wall-clock ms. Of counts, steps without a value are 0. */
  readonly points: readonly (readonly [ms: number, value: HistoryValue])[];
  /** What happened in times that nobody has sampled, which is in no point. Points and gaps together are all that happened. */
  readonly gaps: readonly { readonly fromMs: number; readonly toMs: number; readonly value: HistoryValue }[];
}

/** The answer to a request. */
export interface ReadHistory {
  readonly step: HistoryStep;
  readonly series: readonly HistorySeries[];
}

export interface HistoryDeps {
  readonly broker: Pick<Broker, 'history' | 'inspect'>;
  readonly log: Log;
}

/** The key under which a stored series is shown. */
function shownKey(by: ShownBy, stored: string): string | null {
  if (by === 'kind') return logicalQueue(stored).kind;
  return (by === 'queue' ? logicalQueue(stored).name : stored) || null;
}

/** A request in steps. */
interface Plan {
  readonly request: MetricRequest;
  readonly pages: ReadPages;
  /** The first step that is read, the first one that is shown, and that after the last one. */
  readonly first: number;
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

/** Reads the pages, and works out which steps of them are shown. */
async function plan({ broker, log }: HistoryDeps, request: MetricRequest): Promise<Plan> {
  const { metric, by, keys, step } = request;
  const stepMs = STEP_MINUTES[step] * ONE_MINUTE_MS;
  const to = Math.ceil(request.toMs / stepMs);
  const from = Math.max(Math.floor(request.fromMs / stepMs), to - HISTORY_KEPT[step]);
  // Gauges are carried forward from the beginning of an hour, where they are written again.
  const perHour = STEP_MINUTES.hour / STEP_MINUTES[step];
  const first = isGauge(metric) ? Math.floor(from / perHour) * perHour - (step === 'hour' ? 1 : 0) : from;
  const queues = by === 'queue' && keys ? new Set(keys) : null;
  const stored = by === 'kind' ? 'queue' : by;
  const deps = { broker, unreadable: new Unreadable(log) };
  const pages = await readStoredPages(deps, { by: stored, step, from: first, to, queues });
  return { request, pages, first, from, to: Math.min(to, pages.now + 1), stepMs };
}

/** Calls `use` for each stored series that was asked for. */
const eachSeries = (
  { request: { by, keys }, pages }: Plan,
  use: (
    key: string | null,
    series: Series,
    where: { readonly block: Block; readonly at: number; readonly stored: string },
  ) => void,
): Promise<void> => {
  const asked = keys && new Set<string | null>(keys);
  return pages.each(({ at, page }) => {
    for (const block of page.blocks) {
      for (const [stored, series] of block.series) {
        const key = shownKey(by, stored);
        if (asked?.has(key) ?? true) use(key, series, { block, at, stored });
      }
    }
  });
};

/** The keys that are shown by their names: all that were asked for, or the most frequent ones. */
async function shownKeys(
  planned: Plan,
  weigh: (series: Series) => number,
): Promise<ReadonlySet<string | null>> {
  const { keys, limit = DEFAULT_LIMIT } = planned.request;
  if (keys && keys.length <= limit) return new Set(keys);
  const weights = new Map<string | null, number>();
  await eachSeries(planned, (key, series) => weights.set(key, (weights.get(key) ?? 0) + weigh(series)));
  weights.delete(null);
  const sorted = [...weights].sort(([, a], [, b]) => b - a);
  return new Set(sorted.slice(0, limit).map(([key]) => key));
}

/** The sums of one shown series. */
class ShownSeries {
  readonly points = new Map<number, Sum>();
  readonly gaps = new Map<string, { readonly from: number; readonly to: number; readonly sum: Sum }>();
  readonly #newSum: () => Sum;

  constructor(newSum: () => Sum) {
    this.#newSum = newSum;
  }

  addPoint(at: number, series: Series): void {
    let sum = this.points.get(at);
    if (!sum) this.points.set(at, (sum = this.#newSum()));
    sum.add(series);
  }

  addGap({ from, to }: Block, series: Series): void {
    const id = `${from}-${to}`;
    let gap = this.gaps.get(id);
    if (!gap) this.gaps.set(id, (gap = { from, to, sum: this.#newSum() }));
    gap.sum.add(series);
  }

  shown(key: string | null, stepMs: number): HistorySeries {
    const points = [...this.points].sort(([a], [b]) => a - b);
    const valued = points.flatMap(([at, sum]) => {
      const value = sum.value();
      return value === null ? [] : [[at * stepMs, value] as const];
    });
    const gaps = [...this.gaps.values()].flatMap(({ from, to, sum }) => {
      const value = sum.value();
      return value === null ? [] : [{ fromMs: from * ONE_MINUTE_MS, toMs: to * ONE_MINUTE_MS, value }];
    });
    return { key, points: valued, gaps };
  }
}

/** Series of a metric that is summed up. */
async function readSums(
  planned: Plan,
  metric: Exclude<HistoryMetric, HistoryGauge>,
  callbackClass: CallbackClass | null,
): Promise<HistorySeries[]> {
  const { request, stepMs } = planned;
  const minutes = STEP_MINUTES[request.step];
  const shown = await shownKeys(planned, seriesWeight);
  const all = new Map<string | null, ShownSeries>();
  await eachSeries(planned, (key, series, { block, at }) => {
    const name = shown.has(key) ? key : null;
    let one = all.get(name);
    if (!one) all.set(name, (one = new ShownSeries(() => createSum(metric, callbackClass))));
    if (block.from >= at * minutes && block.to <= (at + 1) * minutes) one.addPoint(at, series);
    else one.addGap(block, series);
  });
  const series = [...all].map(([key, one]) => one.shown(key, stepMs));
  const labelled = callbackClass === null ? series : series.map((one) => ({ ...one, callbackClass }));
  return labelled.filter(({ points, gaps }) => points.length + gaps.length > 0);
}

/** Series of a gauge, of queues alone. */
async function readGauges(planned: Plan, metric: HistoryGauge): Promise<HistorySeries[]> {
  const { stepMs, request } = planned;
  const shown = await shownKeys(planned, ({ gauges }) => (gauges ? gaugeValue(gauges, metric) : 0));
  const written = new Map<string | null, Map<string, Map<number, Gauges>>>();
  await eachSeries(planned, (key, { gauges }, { at, stored }) => {
    if (!gauges || !shown.has(key)) return;
    let queues = written.get(key);
    if (!queues) written.set(key, (queues = new Map()));
    let steps = queues.get(stored);
    if (!steps) queues.set(stored, (steps = new Map()));
    steps.set(at, gauges);
  });
  return [...written].map(([key, queues]) => {
    const carried = carryGauges([...queues.values()], { ...planned, step: request.step });
    const points = carried.map(([at, gauges]) => [at * stepMs, gaugeValue(gauges, metric)] as const);
    return { key, points, gaps: [] };
  });
}

/**
 * Reads a metric of the history, the present step included: what processes have reported and what counters say, though nobody has
 * written it yet. Each instance gives the same answer.
 *
 * Counts by type, business and host are those of attempts, without `enqueued` and `recovered`; gauges are those of queues.
 */
export async function readHistory(deps: HistoryDeps, request: MetricRequest): Promise<ReadHistory> {
  const { metric, step } = request;
  const planned = await plan(deps, request);
  if (isGauge(metric)) return { step, series: await readGauges(planned, metric) };
  if (metric !== 'callbacks') return { step, series: await readSums(planned, metric, null) };
  const series: HistorySeries[] = [];
  for (const callbackClass of ANSWER_CLASSES)
    series.push(...(await readSums(planned, metric, callbackClass)));
  return { step, series };
}
