/** What happened in queues in the last minute, as the history has it. */
import { storedQueues } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { anyText, listOf } from '../checks/values.ts';
import { spansOf, type Spans } from '../history/histogram.ts';
import { lastMinute } from '../history/last-minute.ts';
import { addSeries, seriesCount, newSeries, type Series } from '../history/series.ts';
import { silentLog } from '../runtime/log.ts';
import { facetsOf } from './arguments.ts';

const checkNames = listOf(anyText, 'a list of queues');

type Percentiles = Pick<Spans, 'p50' | 'p95' | 'p99'>;

/** What happened in a queue in the last full minute by the broker's clock. It is known up to 10 s after its end. */
export interface LastMinute {
  /** Per s. */
  readonly rates: { readonly enqueued: number; readonly succeeded: number; readonly failed: number };
  /** Part of the attempts that failed, 0 to 1; null = none ended. */
  readonly errorRate: number | null;
  /** How long tasks had been due when their attempts started, ms; null = no attempt ended. */
  readonly waitMs: Percentiles | null;
  /** How long attempts ran, ms; null = none ended. */
  readonly runMs: Percentiles | null;
}

function percentiles(histogram: Series['wait']): Percentiles | null {
  const spans = spansOf(histogram);
  return spans && { p50: spans.p50, p95: spans.p95, p99: spans.p99 };
}

function figuresOf(series: Series): LastMinute {
  const [enqueued, succeeded, failed] = (['enqueued', 'succeeded', 'failed'] as const).map((count) =>
    seriesCount(series, count),
  ) as [number, number, number];
  const ended = succeeded + failed;
  return {
    rates: { enqueued: enqueued / 60, succeeded: succeeded / 60, failed: failed / 60 },
    errorRate: ended === 0 ? null : failed / ended,
    waitMs: percentiles(series.wait),
    runMs: percentiles(series.run),
  };
}

/** What happened in stored queues in the last full minute, in their order. Zeros where nobody samples. */
export async function getLastMinutes(broker: Broker, queues: readonly string[]): Promise<LastMinute[]> {
  facetsOf(broker, 'history');
  checkNames(queues, 'queues');
  return (await lastMinute({ broker, log: silentLog }, queues)).map(figuresOf);
}

/** The same of logical queues: of their handler tasks and callbacks together. */
export async function getLogicalLastMinutes(broker: Broker, names: readonly string[]): Promise<LastMinute[]> {
  facetsOf(broker, 'history');
  checkNames(names, 'names');
  const stored = await lastMinute({ broker, log: silentLog }, names.flatMap(storedQueues));
  return names.map((_, i) => {
    const both = newSeries();
    for (const one of stored.slice(2 * i, 2 * i + 2)) addSeries(both, one);
    return figuresOf(both);
  });
}
