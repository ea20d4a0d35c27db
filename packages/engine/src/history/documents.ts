import type { HistoryBy, HistoryStep } from '../broker/history.ts';
import { PackedError, Packer, Unpacker } from './packed.ts';
import { packSeriesMap, unpackSeriesMap } from './packed-series.ts';
import type { SeriesMap } from './series.ts';

// What brokers keep of the history, and do not read themselves. Each begins with the version of its form. A form that an older
// program would misread has another version; it skips such a document, and says once that there is one.

/** The version of all forms below. */
const FORM_VERSION = 1;

/** By what series are kept, in the order of the stored numbers. */
const STORED_BY: readonly HistoryBy[] = ['queue', 'type', 'business', 'host'];

/** Minutes in a step. */
export const STEP_MINUTES = { minute: 1, hour: 60 } as const satisfies Readonly<Record<HistoryStep, number>>;

/** Series by one thing, and how many others were merged into their `other`. */
export interface Section {
  readonly series: SeriesMap;
  /** Number of series that were merged. At most: one that was merged twice counts twice. */
  readonly merged: number;
}

/** What one process has counted in a minute so far. */
export type Report = ReadonlyMap<HistoryBy, Section>;

/** What happened in a time, which is the page's own, or a longer one that nobody sampled and that ends there. */
export interface Block {
  /** The first minute, and that after the last one. */
  readonly from: number;
  readonly to: number;
  readonly series: SeriesMap;
}

/** All series by one thing in one step. */
export interface Page {
  readonly blocks: readonly Block[];
  /** As in a section. */
  readonly merged: number;
}

/** Begins to read a document. */
function open(bytes: Uint8Array): Unpacker {
  const from = new Unpacker(bytes);
  const version = from.number();
  if (version !== FORM_VERSION)
    throw new PackedError(`its form has the version ${version}, not ${FORM_VERSION}`);
  return from;
}

/** The bytes of a report. */
export function packReport(report: Report): Uint8Array {
  const to = new Packer();
  to.number(FORM_VERSION);
  to.number(report.size);
  for (const [by, { series, merged }] of report) {
    to.number(STORED_BY.indexOf(by));
    to.number(merged);
    packSeriesMap(to, series);
  }
  return to.done();
}

/** @throws PackedError */
export function unpackReport(bytes: Uint8Array): Report {
  const from = open(bytes);
  const report = new Map<HistoryBy, Section>();
  for (let rest = from.count(); rest > 0; rest -= 1) {
    const by = STORED_BY[from.number()];
    const merged = from.number();
    const series = unpackSeriesMap(from);
    // One that only a later version knows.
    if (by) report.set(by, { series, merged });
  }
  return report;
}

/** @param endMinute the minute after the page's last one */
export function packPage({ blocks, merged }: Page, endMinute: number): Uint8Array {
  const to = new Packer();
  to.number(FORM_VERSION);
  to.number(merged);
  to.number(blocks.length);
  for (const block of blocks) {
    to.number(endMinute - block.to);
    to.number(block.to - block.from);
    packSeriesMap(to, block.series);
  }
  return to.done();
}

/** @throws PackedError */
export function unpackPage(bytes: Uint8Array, endMinute: number): Page {
  const from = open(bytes);
  const merged = from.number();
  const blocks: Block[] = [];
  for (let rest = from.count(); rest > 0; rest -= 1) {
    const to = endMinute - from.number();
    blocks.push({ from: to - from.number(), to, series: unpackSeriesMap(from) });
  }
  return { blocks, merged };
}
