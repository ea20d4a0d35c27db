import { HISTORY_BY, type HistoryBy } from '../broker/history.ts';
import type { EngineEvents } from '../runtime/events.ts';
import { boundReport } from './bound.ts';
import { callbackClass, hostOf } from './callback-facts.ts';
import type { Report, Section } from './documents.ts';
import { addSpan } from './histogram.ts';
import {
  addAll,
  addCount,
  addSeries,
  COUNT_INDEX,
  newSeries,
  seriesOf,
  seriesWeight,
  type Count,
  type Series,
  type SeriesMap,
} from './series.ts';

type Finished = EngineEvents['attempt.finished'];

/** The report of a minute is no longer than this, bytes. */
export const MAX_REPORT_BYTES = 65_536;
/** Series that are kept as they are, about 1 KiB each. With more, all are folded into a report. */
const MAX_SERIES = 4_096;

const STARTED = COUNT_INDEX.started;
/** The counts of an outcome besides `started`. */
const OUTCOME_COUNTS: Readonly<Record<Finished['outcome'], readonly number[]>> = {
  succeeded: [COUNT_INDEX.succeeded],
  failed: [COUNT_INDEX.failed, COUNT_INDEX.retried],
  archived: [COUNT_INDEX.failed, COUNT_INDEX.archived],
  cancelled: [COUNT_INDEX.cancelled],
  deferred: [COUNT_INDEX.deferred],
  revoked: [],
  lost: [],
};

/** A series that attempts are added to without a look at its length. */
function hotSeries(): Series {
  const series = newSeries();
  for (let i = 0; i <= COUNT_INDEX.deferred; i += 1) series.counts.push(0);
  return series;
}

/** Adds an attempt. `answer`: how its callback ended. */
function addAttempt(
  series: Series,
  { outcome, waitMs, runMs, record }: Finished,
  answer: Count | null,
): void {
  const { counts } = series;
  counts[STARTED]! += 1;
  for (const index of OUTCOME_COUNTS[outcome]) counts[index]! += 1;
  if (waitMs !== null) addSpan(series.wait, waitMs);
  if (record !== null) addSpan(series.run, runMs);
  if (answer !== null) addCount(series, answer, 1);
}

/** A report that others are added to. */
const emptyReport = (): Map<HistoryBy, Section> =>
  new Map(HISTORY_BY.map((by) => [by, { series: new Map(), merged: 0 }]));

/** Adds a report to another one. */
function addReport(to: ReadonlyMap<HistoryBy, Section>, from: Report, times = 1): void {
  for (const [by, { series }] of from) addAll(to.get(by)!.series, series, times);
}

/** What is in `all` and not yet in `stored`. Of an `other` that has become smaller, because series of it are named by now, nothing is left. */
export function reportRest(all: Report, stored: Report): Report {
  const rest = emptyReport();
  addReport(rest, all);
  addReport(rest, stored, -1);
  for (const { series } of rest.values())
    for (const { counts, wait, run } of series.values())
      for (const list of [counts, wait, run])
        for (const [i, count] of list.entries()) list[i] = Math.max(0, count);
  return rest;
}

/** By queue a report has spans and callbacks alone: the other counts come from the broker's own counters. */
function addToQueue(to: Series, { counts, wait, run }: Series): void {
  const callbacks = counts.map((count, i) => (i > COUNT_INDEX.deferred ? count : 0));
  addSeries(to, { counts: callbacks, wait, run, gauges: null });
}

/**
 * What a process has counted in a minute. An attempt takes two look-ups and a few additions: the series of a queue and those of a type are
 * summed up from the pairs of both only when a report is made.
 */
export class MinuteCounts {
  readonly #pairs = new Map<string, SeriesMap>();
  readonly #businesses: SeriesMap = new Map();
  readonly #hosts: SeriesMap = new Map();
  #folded: Report = emptyReport();
  #size = 0;
  #lastQueue: string | undefined;
  #lastTypes: SeriesMap = new Map();

  /** Adds an attempt that has ended. */
  add(ended: Finished): void {
    const { task, type, business, callback, record } = ended;
    const answer = callback !== undefined && record !== null ? callbackClass(record) : null;
    addAttempt(this.#hot(this.#typesOf(task.queue), type), ended, answer);
    if (business !== null) addAttempt(this.#hot(this.#businesses, business), ended, answer);
    const host = callback === undefined ? null : hostOf(callback);
    if (host !== null) addAttempt(this.#hot(this.#hosts, host), ended, answer);
    if (this.#size > MAX_SERIES) this.#fold();
  }

  /** Adds what an earlier minute could not store. */
  carry(rest: Report): void {
    addReport(this.#folded, rest);
    this.#folded = boundReport(this.#folded, MAX_REPORT_BYTES);
  }

  /** All of it, in no more than `MAX_REPORT_BYTES`. The report does not change any more. */
  report(): Report {
    const report = emptyReport();
    for (const [by, { merged }] of this.#folded) report.set(by, { series: new Map(), merged });
    addReport(report, this.#folded);
    this.#addHot(report);
    return boundReport(report, MAX_REPORT_BYTES);
  }

  #typesOf(queue: string): SeriesMap {
    if (queue === this.#lastQueue) return this.#lastTypes;
    let types = this.#pairs.get(queue);
    if (!types) this.#pairs.set(queue, (types = new Map()));
    this.#lastQueue = queue;
    this.#lastTypes = types;
    return types;
  }

  #hot(map: SeriesMap, key: string): Series {
    let series = map.get(key);
    if (!series) {
      this.#size += 1;
      map.set(key, (series = hotSeries()));
    }
    return series;
  }

  #addHot(report: ReadonlyMap<HistoryBy, Section>): void {
    const [queues, types] = [report.get('queue')!.series, report.get('type')!.series];
    for (const [queue, ofQueue] of this.#pairs) {
      for (const [type, series] of ofQueue) {
        addToQueue(seriesOf(queues, queue), series);
        addSeries(seriesOf(types, type), series);
      }
    }
    addAll(report.get('business')!.series, this.#businesses);
    addAll(report.get('host')!.series, this.#hosts);
  }

  /** A stranger may invent types, businesses and hosts: beyond the bound the rarest so far are merged. */
  #fold(): void {
    this.#folded = this.report();
    this.#pairs.clear();
    this.#lastQueue = undefined;
    this.#businesses.clear();
    this.#hosts.clear();
    this.#size = 0;
  }
}

/** Whether nothing was counted. */
export const isEmptyReport = (report: Report): boolean =>
  [...report.values()].every(({ series }) => [...series.values()].every((one) => seriesWeight(one) === 0));
