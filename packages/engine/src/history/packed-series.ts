import type { DurationHistogram } from './histogram.ts';
import { Packer, PackedError, Unpacker } from './packed.ts';
import {
  addSeries,
  SERIES_COUNTS,
  GAUGES,
  isEmptySeries,
  newSeries,
  seriesOf,
  type Gauges,
  type Series,
  type SeriesMap,
} from './series.ts';

// The stored form of series. A series is its key, and a record: which parts it has, one bit each, and then these parts in the order
// of their bits. The record stands behind its length. What a later version appends to it, with further bits, is left out here.

const WAIT = 1;
const RUN = 2;
const GAUGE = 4;
/** The bit of the first count. */
const FIRST_COUNT = 3;

/** A process may write thousands of records a second. Loops by index are several times as fast as iterators here. */
function recordParts({ counts, wait, run, gauges }: Series): number {
  let parts = gauges ? GAUGE : 0;
  if (hasHits(wait)) parts |= WAIT;
  if (hasHits(run)) parts |= RUN;
  for (let i = 0; i < counts.length; i += 1) if (counts[i]! > 0) parts |= 1 << (FIRST_COUNT + i);
  return parts;
}

function hasHits(histogram: Readonly<DurationHistogram>): boolean {
  for (let bucket = histogram.length - 1; bucket >= 0; bucket -= 1) if (histogram[bucket]! > 0) return true;
  return false;
}

/** The buckets that were hit: for each the distance from the one before, and its count. */
function packHistogram(to: Packer, histogram: Readonly<DurationHistogram>): void {
  let hit = 0;
  for (let bucket = 0; bucket < histogram.length; bucket += 1) if (histogram[bucket]! > 0) hit += 1;
  to.number(hit);
  let last = 0;
  for (let bucket = 0; bucket < histogram.length; bucket += 1) {
    const count = histogram[bucket]!;
    if (count <= 0) continue;
    to.number(bucket - last);
    to.number(count);
    last = bucket;
  }
}

/** More buckets than any version may have: a damaged number must not make an array of millions. */
const MAX_BUCKET = 4_096;

function unpackHistogram(from: Unpacker, histogram: DurationHistogram): void {
  let bucket = 0;
  for (let rest = from.count(); rest > 0; rest -= 1) {
    bucket += from.number();
    if (bucket > MAX_BUCKET) throw new PackedError('a bucket does not exist');
    const count = from.number();
    while (histogram.length <= bucket) histogram.push(0);
    histogram[bucket]! += count;
  }
}

/** Appends a record to an empty packer. */
export function packRecord(to: Packer, series: Series): void {
  const parts = recordParts(series);
  to.number(parts);
  if (parts & WAIT) packHistogram(to, series.wait);
  if (parts & RUN) packHistogram(to, series.run);
  if (series.gauges) for (const gauge of GAUGES) to.number(Math.max(0, series.gauges[gauge]));
  for (let i = 0; i < series.counts.length; i += 1) if (series.counts[i]! > 0) to.number(series.counts[i]!);
}

function unpackGauges(from: Unpacker): Gauges {
  const entries = GAUGES.map((gauge) => [gauge, from.number()] as const);
  return Object.fromEntries(entries) as unknown as Gauges;
}

/** Reads the parts that this version knows. What follows them is left. */
function unpackRecord(from: Unpacker): Series {
  const series = newSeries();
  const parts = from.number();
  if (parts & WAIT) unpackHistogram(from, series.wait);
  if (parts & RUN) unpackHistogram(from, series.run);
  if (parts & GAUGE) series.gauges = unpackGauges(from);
  for (const i of SERIES_COUNTS.keys())
    series.counts.push(parts & (1 << (FIRST_COUNT + i)) ? from.number() : 0);
  return series;
}

/** How many bytes two keys have in common at their beginning. */
function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  const max = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < max && a[shared] === b[shared]) shared += 1;
  return shared;
}

/** Appends all series but empty ones, by key. Of a key, only what differs from the one before is stored. */
export function packSeriesMap(to: Packer, map: SeriesMap): void {
  const stored = [...map].filter(([, series]) => !isEmptySeries(series));
  const sorted = stored.map(([key, series]) => [Buffer.from(key), series] as const);
  sorted.sort(([a], [b]) => Buffer.compare(a, b));
  to.number(sorted.length);
  const record = new Packer();
  let last: Uint8Array = new Uint8Array();
  for (const [key, series] of sorted) {
    const shared = sharedPrefix(last, key);
    to.number(shared);
    to.bytes(key.subarray(shared));
    record.clear();
    packRecord(record, series);
    to.bytes(record.view());
    last = key;
  }
}

/** Reads them. @throws PackedError */
export function unpackSeriesMap(from: Unpacker): SeriesMap {
  const map: SeriesMap = new Map();
  let last = Buffer.alloc(0);
  for (let rest = from.count(); rest > 0; rest -= 1) {
    const shared = from.number();
    if (shared > last.length) throw new PackedError('a key continues one that is shorter');
    last = Buffer.concat([last.subarray(0, shared), from.bytes()]);
    const series = unpackRecord(new Unpacker(from.bytes()));
    const known = seriesOf(map, last.toString());
    addSeries(known, series);
    known.gauges ??= series.gauges;
  }
  return map;
}
