import { logicalQueue, storedQueue } from '@task-center/model';
import type { HistoryBy } from '../broker/history.ts';
import type { Page, Report } from './documents.ts';
import { Packer } from './packed.ts';
import { packSeriesMap, packRecord } from './packed-series.ts';
import { addSeries, seriesOf, seriesWeight, type Series, type SeriesMap } from './series.ts';

/** What one `other` may take: two histograms of all buckets. Room for it is kept free. */
const OTHER_BYTES = 1_024;
/** Rounds in which what was estimated is measured. Each asks for less. */
const MAX_MERGE_ROUNDS = 8;

/** The key under which series of other keys are merged. By queue there are two: the kinds stay apart. */
const otherKeyOf = (by: HistoryBy, key: string): string =>
  by === 'queue' ? storedQueue('', logicalQueue(key).kind) : '';

/** Whether it is the key of an `other`. */
export const isOther = (by: HistoryBy, key: string): boolean => otherKeyOf(by, key) === key;

/** Measured by packing them: an estimate would be wrong by the parts of keys that are shared. */
function mapBytes(map: SeriesMap): number {
  const packer = new Packer();
  packSeriesMap(packer, map);
  return packer.length;
}

const totalBytes = (maps: readonly SeriesMap[]): number => maps.reduce((sum, map) => sum + mapBytes(map), 0);

/** A series that may be merged. */
interface MergeCandidate {
  readonly map: SeriesMap;
  readonly key: string;
  readonly series: Series;
  readonly weight: number;
}

/** All series that have names, the rarest first. */
function candidatesIn(by: HistoryBy, maps: readonly SeriesMap[]): MergeCandidate[] {
  const all = maps.flatMap((map) => [...map].map(([key, series]) => ({ map, key, series })));
  const named = all.filter(({ key }) => !isOther(by, key));
  const weighed = named.map((candidate) => ({ ...candidate, weight: seriesWeight(candidate.series) }));
  return weighed.sort((a, b) => a.weight - b.weight);
}

/** Merges the rarest series into the `other` of their map, in place. Returns how many. Their gauges are left out. */
function mergeRarest(by: HistoryBy, candidates: MergeCandidate[], bytes: number): number {
  const record = new Packer();
  let rest = bytes;
  let merged = 0;
  for (const { map, key, series } of candidates) {
    if (rest <= 0) break;
    record.clear();
    packRecord(record, series);
    rest -= Buffer.byteLength(key) + record.length + 2;
    map.delete(key);
    addSeries(seriesOf(map, otherKeyOf(by, key)), series);
    merged += 1;
  }
  candidates.splice(0, merged);
  return merged;
}

/** Merges the rarest series of these maps, in place, until all together take no more than `maxBytes`. Returns how many. */
function boundMaps(by: HistoryBy, maps: readonly SeriesMap[], maxBytes: number): number {
  let bytes = totalBytes(maps);
  if (bytes <= maxBytes) return 0;
  const goal = Math.max(0, maxBytes - maps.length * OTHER_BYTES);
  const candidates = candidatesIn(by, maps);
  let merged = 0;
  for (let round = 0; round < MAX_MERGE_ROUNDS && bytes > maxBytes && candidates.length > 0; round += 1) {
    // Of a key only what differs is stored: a series takes less than it seems to, and the next round takes what this one left.
    merged += mergeRarest(by, candidates, round === MAX_MERGE_ROUNDS - 1 ? Infinity : bytes - goal);
    bytes = totalBytes(maps);
  }
  return merged;
}

/** Divides bytes among some that need this much: what one does not need is left to the others. */
export function shareBytes(needs: readonly number[], total: number): number[] {
  const order = [...needs.keys()].sort((a, b) => needs[a]! - needs[b]!);
  const shares = needs.map(() => 0);
  let rest = total;
  for (const [i, index] of order.entries()) {
    const share = Math.min(needs[index]!, Math.floor(rest / (order.length - i)));
    shares[index] = share;
    rest -= share;
  }
  return shares;
}

/** The maps of all blocks of a page, or that of a report's section. */
interface Bounded {
  readonly by: HistoryBy;
  readonly maps: readonly SeriesMap[];
}

/** Bounds several things by which series are kept, together. Returns how many series were merged of each. */
function boundTogether(all: readonly Bounded[], maxBytes: number): number[] {
  const shares = shareBytes(
    all.map(({ maps }) => totalBytes(maps)),
    maxBytes,
  );
  return all.map(({ by, maps }, i) => boundMaps(by, maps, shares[i]!));
}

/** The same report with no more than about `maxBytes`. Its maps are changed. */
export function boundReport(report: Report, maxBytes: number): Report {
  const sections = [...report];
  const merged = boundTogether(
    sections.map(([by, { series }]) => ({ by, maps: [series] })),
    maxBytes,
  );
  return new Map(
    sections.map(([by, { series, merged: before }], i) => [by, { series, merged: before + merged[i]! }]),
  );
}

/** The same pages with no more than about `maxBytes`, all together. Their maps are changed. */
export function boundPages(pages: ReadonlyMap<HistoryBy, Page>, maxBytes: number): Map<HistoryBy, Page> {
  const entries = [...pages];
  const merged = boundTogether(
    entries.map(([by, { blocks }]) => ({ by, maps: blocks.map(({ series }) => series) })),
    maxBytes,
  );
  return new Map(
    entries.map(([by, { blocks, merged: before }], i) => [by, { blocks, merged: before + merged[i]! }]),
  );
}
