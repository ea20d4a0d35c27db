import type { Broker } from '../../src/broker/broker.ts';
import { HISTORY_BY, type HistoryBy } from '../../src/broker/history.ts';
import { packReport, type Report } from '../../src/history/documents.ts';
import { addSpan } from '../../src/history/histogram.ts';
import type { HistoryMetric } from '../../src/history/metric.ts';
import { readHistory, type MetricRequest } from '../../src/history/read-history.ts';
import { createSampler } from '../../src/history/sampler.ts';
import { addCount, seriesOf } from '../../src/history/series.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import { FakeClaims, FakeClaimsLink } from './fake-claims.ts';
import { createFakeClock, settle } from './fake-clock.ts';
import { FakeHistory, FakeQueues } from './fake-history.ts';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** A broker's history in memory, queues with counters to set, and samplers to start, by a clock to move. */
export function setUpHistory({ maxBytes }: { maxBytes?: number } = {}) {
  const clock = createFakeClock();
  const startMs = clock.wallMs();
  const history = new FakeHistory(clock);
  const queues = new FakeQueues();
  const claims = new FakeClaims(clock);
  const broker = { history, inspect: queues } as unknown as Pick<Broker, 'history' | 'inspect'>;
  const log = silentLog;
  async function startSampler() {
    const own = { ...broker, claims: new FakeClaimsLink(claims, clock) };
    const sampler = createSampler({ broker: own, runtime: createRuntime({ clock, log }), maxBytes });
    sampler.start();
    await settle();
    return sampler;
  }
  /** Points and gaps of a metric, in minutes or hours since the start. */
  async function read(metric: HistoryMetric, request: Partial<MetricRequest> = {}) {
    const { step = 'minute' } = request;
    const stepMs = step === 'minute' ? MINUTE : HOUR;
    const toMs = clock.wallMs() + 1;
    const { series } = await readHistory(
      { broker, log },
      { metric, by: 'queue', fromMs: startMs - HOUR, toMs, step, ...request },
    );
    return series.map(({ key, points, gaps }) => ({
      key,
      points: points.map(([ms, value]) => [(ms - startMs) / stepMs, value]),
      gaps: gaps.map(({ fromMs, toMs: endMs, value }) => [
        (fromMs - startMs) / MINUTE,
        (endMs - startMs) / MINUTE,
        value,
      ]),
    }));
  }
  /** A report of a process, in minutes since the start. */
  const report = (
    minute: number,
    name: string,
    { by, key, started }: { by: HistoryBy; key: string; started: number },
  ) => {
    const sections: Report = new Map(HISTORY_BY.map((each) => [each, { series: new Map(), merged: 0 }]));
    const series = seriesOf(sections.get(by)!.series, key);
    addCount(series, 'started', started);
    for (let i = 0; i < started; i += 1) addSpan(series.run, 10);
    return history.report({ minute: startMs / MINUTE + minute, process: name, data: packReport(sections) });
  };
  return { clock, history, queues, claims, broker, log, startSampler, read, report };
}
