import { logicalQueue } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { HistoryBy, HistoryState } from '../broker/history.ts';
import { countsBetween, sampleOf, unpackBaseline } from './baseline.ts';
import { ONE_MINUTE_MS, minuteOf } from './broker-minutes.ts';
import { unpackReport } from './documents.ts';
import type { StoredPage } from './hour-pages.ts';
import { sampledMinute } from './sample-pages.ts';
import { isEmptySeries, newSeries, type Series, type SeriesMap } from './series.ts';
import type { Unreadable } from './unreadable.ts';

/** A minute is written this long after its end, about. */
const WRITTEN_MS = 6_000;
/** Queues whose facts are read in one call. */
const MAX_READ = 256;

export interface PresentDeps {
  readonly broker: Pick<Broker, 'history' | 'inspect'>;
  readonly unreadable: Unreadable;
}

const pageOf = (at: number, series: SeriesMap): StoredPage => ({
  at,
  page: { merged: 0, blocks: [{ from: at, to: at + 1, series }] },
});

/** What processes have reported and nobody has taken up yet, as pages of minutes. */
export async function reportedPages(
  deps: PresentDeps,
  state: HistoryState,
  by: HistoryBy,
): Promise<StoredPage[]> {
  const first = state.minute === null ? -Infinity : state.minute + 1;
  const reports = await deps.broker.history.reports();
  return reports.flatMap(({ minute, data }) => {
    const report = deps.unreadable.read('a report', () => unpackReport(data));
    const section = report?.get(by);
    return section ? [pageOf(Math.max(first, minute), section.series)] : [];
  });
}

/** What the counters of queues say since the last sample, and the gauges as they are, as pages of minutes. */
export async function countedPages(
  { broker, unreadable }: PresentDeps,
  state: HistoryState,
  names: ReadonlySet<string> | null,
): Promise<StoredPage[]> {
  const now = minuteOf(state.nowMs);
  const sampled = sampledMinute(state, unreadable);
  const queues = (await broker.inspect.queues()).filter(
    (queue) => names?.has(logicalQueue(queue).name) ?? true,
  );
  const [counts, gauges]: [SeriesMap, SeriesMap] = [new Map(), new Map()];
  for (let from = 0; from < queues.length; from += MAX_READ) {
    for (const facts of await broker.inspect.queueFacts(queues.slice(from, from + MAX_READ))) {
      const after = sampleOf(facts, state.nowMs);
      const bytes = state.baselines.get(facts.queue);
      const before = bytes && unreadable.read('a baseline', () => unpackBaseline(bytes));
      const since = before === undefined ? null : (before?.totals ?? after.totals);
      const changed: Series = { ...newSeries(), counts: countsBetween(since, after.totals) };
      if (sampled !== null && !isEmptySeries(changed)) counts.set(facts.queue, changed);
      gauges.set(facts.queue, { ...newSeries(), gauges: after.gauges });
    }
  }
  // Until it is written, a minute that has just ended has what happened in the first seconds of the next one, too.
  const isJustOver = sampled === now - 2 || state.nowMs - now * ONE_MINUTE_MS < WRITTEN_MS;
  const at = isJustOver && sampled !== now - 1 ? now - 1 : now;
  return [pageOf(at, counts), pageOf(now, gauges)];
}
