import type { Broker } from '../../src/broker/broker.ts';
import type { HistoryBy } from '../../src/broker/history.ts';
import { packPage } from '../../src/history/documents.ts';
import { addSpan } from '../../src/history/histogram.ts';
import { addCount, newSeries, type Count, type SeriesMap } from '../../src/history/series.ts';

const MINUTE_MS = 60_000;

/** What a series of a minute has. */
export interface MinuteSeries {
  readonly counts?: Readonly<Partial<Record<Count, number>>>;
  /** Lengths of attempts, ms. */
  readonly run?: readonly number[];
  readonly wait?: readonly number[];
}

/** Series by key, of the minute that is `ago` minutes before the present one. */
export interface MinutePage {
  readonly by: HistoryBy;
  readonly ago: number;
  readonly series: Readonly<Record<string, MinuteSeries>>;
}

function seriesMap(series: MinutePage['series']): SeriesMap {
  return new Map(
    Object.entries(series).map(([key, { counts = {}, run = [], wait = [] }]) => {
      const made = newSeries();
      for (const [count, by] of Object.entries(counts)) addCount(made, count as Count, by);
      for (const ms of run) addSpan(made.run, ms);
      for (const ms of wait) addSpan(made.wait, ms);
      return [key, made];
    }),
  );
}

/** Writes pages of minutes as a sampler does. Returns the start of the present minute by the broker's clock, wall-clock ms. */
export async function writeMinutes({ history }: Pick<Broker, 'history'>, pages: readonly MinutePage[]) {
  const { version, nowMs } = await history.state();
  const now = Math.floor(nowMs / MINUTE_MS);
  const packed = pages.map(({ by, ago, series }) => {
    const at = now - ago;
    const block = { from: at, to: at + 1, series: seriesMap(series) };
    return { by, step: 'minute', at, data: packPage({ merged: 0, blocks: [block] }, at + 1) } as const;
  });
  const put = { version, minute: now - 1, hour: null, baselines: new Map(), removed: [] };
  if (!(await history.put({ ...put, pages: packed }))) throw new Error('another sampler was faster');
  return now * MINUTE_MS;
}
