import type { HistoryBy, HistoryReport, HistoryState } from '../broker/history.ts';
import {
  countsBetween,
  hasGauges,
  haveGaugesChanged,
  packBaseline,
  unpackBaseline,
  type QueueSample,
} from './baseline.ts';
import { boundPages } from './bound.ts';
import { unpackReport, type Block, type Page } from './documents.ts';
import { Packer, Unpacker } from './packed.ts';
import {
  addAll,
  isEmptySeries,
  newSeries,
  NO_GAUGES,
  seriesOf,
  type Series,
  type SeriesMap,
} from './series.ts';
import type { Unreadable } from './unreadable.ts';

/** Under this key, which no queue can have, the baselines say up to which minute queues were sampled. */
const SAMPLED_KEY = '';

/** The last minute up to which queues were sampled; null = never. */
export function sampledMinute({ baselines }: HistoryState, unreadable: Unreadable): number | null {
  const bytes = baselines.get(SAMPLED_KEY);
  return bytes === undefined ? null : unreadable.read('a baseline', () => new Unpacker(bytes).number());
}

function packMinute(minute: number): Uint8Array {
  const to = new Packer();
  to.number(minute);
  return to.done();
}

/** The pages of one minute. */
export type MinutePages = ReadonlyMap<HistoryBy, Page>;

/** What is written after a sample. */
export interface Sampled {
  /** Pages by their minute. The last one is the minute that was sampled; earlier ones are of reports that nobody took up. */
  readonly minutes: ReadonlyMap<number, MinutePages>;
  readonly baselines: Map<string, Uint8Array>;
  readonly removed: readonly string[];
}

export interface SampleInput {
  readonly state: HistoryState;
  /** The last minute before this sample; null = this is the first one. */
  readonly covered: number | null;
  /** The minute that ended with this sample. */
  readonly minute: number;
  readonly samples: ReadonlyMap<string, QueueSample>;
  readonly reports: readonly HistoryReport[];
  /** For the pages of a minute. */
  readonly maxBytes: number;
  readonly unreadable: Unreadable;
}

/** What is new of a queue. */
interface QueueNews {
  readonly counts: Series;
  /** Null = as before. */
  readonly gauges: QueueSample['gauges'] | null;
}

/** What has changed in a queue since its baseline. Undefined baseline: the queue is new; null: it cannot be read, and counts from now on. */
function newsOf(before: QueueSample | null | undefined, after: QueueSample, isFirst: boolean): QueueNews {
  const from = before === undefined && !isFirst ? null : (before?.totals ?? after.totals);
  const counts = { ...newSeries(), counts: countsBetween(from, after.totals) };
  const isKnown = before !== undefined && before !== null;
  const hasChanged = isKnown ? haveGaugesChanged(before, after) : hasGauges(after);
  const hourOf = ({ atS }: QueueSample) => Math.floor(atS / 3_600);
  // Those who read look back to the beginning of the hour.
  const isRepeated = isKnown && hasGauges(after) && hourOf(before) !== hourOf(after);
  return { counts, gauges: hasChanged || isRepeated ? after.gauges : null };
}

/** What is new of all queues. Those that are as before are in neither. */
interface QueueBlocks {
  /** Counts, of a minute or of the time that nobody has sampled. */
  readonly counts: SeriesMap;
  /** Gauges, at the end of the minute. */
  readonly gauges: SeriesMap;
}

/** Baselines as they are read; null = one that cannot be read. */
type Baselines = ReadonlyMap<string, QueueSample | null>;

/** Reads them once: several steps below compare with them. */
function readBaselines({ state, unreadable }: SampleInput): Baselines {
  const queues = [...state.baselines].filter(([queue]) => queue !== SAMPLED_KEY);
  return new Map(
    queues.map(([queue, bytes]) => [queue, unreadable.read('a baseline', () => unpackBaseline(bytes))]),
  );
}

/** Compares all queues with their baselines. */
function compareAll({ covered, samples }: SampleInput, baselines: Baselines): QueueBlocks {
  const blocks: QueueBlocks = { counts: new Map(), gauges: new Map() };
  for (const [queue, after] of samples) {
    const { counts, gauges } = newsOf(baselines.get(queue), after, covered === null);
    if (!isEmptySeries(counts)) blocks.counts.set(queue, counts);
    if (gauges) seriesOf(blocks.gauges, queue).gauges = gauges;
  }
  return blocks;
}

/** Queues that are gone: nobody may carry their gauges forward. */
function closeRemoved({ samples }: SampleInput, baselines: Baselines, gauges: SeriesMap): string[] {
  const removed = [...baselines.keys()].filter((queue) => !samples.has(queue));
  for (const queue of removed) {
    const before = baselines.get(queue);
    if (before && hasGauges(before)) seriesOf(gauges, queue).gauges = NO_GAUGES;
  }
  return removed;
}

/** Pages that are being made: by minute, then by what their series are kept. */
class Drafts {
  readonly #minutes = new Map<number, Map<HistoryBy, { merged: number; blocks: Block[] }>>();

  page(minute: number, by: HistoryBy): { merged: number; blocks: Block[] } {
    let pages = this.#minutes.get(minute);
    if (!pages) this.#minutes.set(minute, (pages = new Map()));
    let page = pages.get(by);
    if (!page) pages.set(by, (page = { merged: 0, blocks: [] }));
    return page;
  }

  /** The series of a time that ends with the minute. */
  block(minute: number, by: HistoryBy, from = minute): SeriesMap {
    const { blocks } = this.page(minute, by);
    let block = blocks.find((known) => known.from === from);
    if (!block) blocks.push((block = { from, to: minute + 1, series: new Map() }));
    return block.series;
  }

  /** In the order of time. */
  bounded(maxBytes: number): Map<number, MinutePages> {
    const sorted = [...this.#minutes].sort(([a], [b]) => a - b);
    return new Map(sorted.map(([minute, pages]) => [minute, boundPages(pages, maxBytes)]));
  }
}

/** Reports of minutes that have ended. One of a minute that was written already, because a clock was set back, belongs to the next one. */
function addReports(drafts: Drafts, { state, minute, reports, unreadable }: SampleInput): void {
  const first = Math.min(minute, (state.minute ?? minute - 1) + 1);
  for (const { minute: at, data } of reports) {
    const report = at <= minute ? unreadable.read('a report', () => unpackReport(data)) : null;
    for (const [by, { series, merged }] of report ?? []) {
      if (series.size === 0) continue;
      const counted = Math.max(first, at);
      addAll(drafts.block(counted, by), series);
      drafts.page(counted, by).merged += merged;
    }
  }
}

/** Baselines of these queues. Gauges that were merged into `other` stay as they were, and are written when there is room. */
function newBaselines(
  { samples }: SampleInput,
  queues: Iterable<string>,
  { baselines, written }: { readonly baselines: Baselines; readonly written: Page | undefined },
): Map<string, Uint8Array> {
  const isWritten = (queue: string) =>
    written?.blocks.some(({ series }) => series.get(queue)?.gauges) === true;
  const packed = new Map<string, Uint8Array>();
  for (const queue of queues) {
    const after = samples.get(queue)!;
    const base = baselines.get(queue) ?? { ...after, gauges: NO_GAUGES };
    const { gauges, atS } = isWritten(queue) ? after : base;
    packed.set(queue, packBaseline({ totals: after.totals, gauges, atS }));
  }
  return packed;
}

/** What has to be written after a sample of all queues; null = nothing, since nothing has changed. */
export function samplePages(input: SampleInput): Sampled | null {
  const { covered, minute, samples } = input;
  const baselines = readBaselines(input);
  const blocks = compareAll(input, baselines);
  const removed = closeRemoved(input, baselines, blocks.gauges);
  const drafts = new Drafts();
  if (blocks.counts.size > 0)
    addAll(drafts.block(minute, 'queue', (covered ?? minute - 1) + 1), blocks.counts);
  for (const [queue, { gauges }] of blocks.gauges)
    seriesOf(drafts.block(minute, 'queue'), queue).gauges = gauges;
  addReports(drafts, input);
  const minutes = drafts.bounded(input.maxBytes);
  const isLost = (queue: string) => baselines.get(queue) === null;
  const hasChanged = (queue: string) => blocks.counts.has(queue) || blocks.gauges.has(queue) || isLost(queue);
  const changed = [...samples.keys()].filter((queue) => covered === null || hasChanged(queue));
  if (covered !== null && minutes.size + removed.length + changed.length === 0) return null;
  const written = minutes.get(minute)?.get('queue');
  const packed = newBaselines(input, changed, { baselines, written });
  packed.set(SAMPLED_KEY, packMinute(minute));
  return { minutes, baselines: packed, removed };
}
