import type { HistoryBy, HistoryPage } from '../broker/history.ts';
import { boundPages } from './bound.ts';
import { STEP_MINUTES, unpackPage, type Block, type Page } from './documents.ts';
import { addAll, seriesOf, type Gauges, type SeriesMap } from './series.ts';
import type { Unreadable } from './unreadable.ts';

const MINUTES = STEP_MINUTES.hour;

/** The block of a time, which is made when it is missing. */
function blockOf(blocks: Block[], { from, to }: Pick<Block, 'from' | 'to'>): Block {
  const known = blocks.find((block) => block.from === from && block.to === to);
  if (known) return known;
  const block: Block = { from, to, series: new Map() };
  blocks.push(block);
  return block;
}

/** Gauges at the end of a time, as they were written last. A task that waits has waited for longer since. */
class LastGauges {
  readonly #last = new Map<string, { gauges: Gauges; minute: number; oldestS: number }>();

  add(minute: number, series: SeriesMap): void {
    for (const [key, { gauges }] of series) {
      if (!gauges) continue;
      const oldestS = Math.max(this.#oldestAt(key, minute - 1), gauges.oldestPendingS);
      this.#last.set(key, { gauges, minute, oldestS });
    }
  }

  #oldestAt(key: string, minute: number): number {
    const last = this.#last.get(key);
    if (!last) return 0;
    const { gauges, oldestS } = last;
    if (gauges.oldestPendingS === 0) return oldestS;
    return Math.max(oldestS, gauges.oldestPendingS + (minute - last.minute) * 60);
  }

  /** Writes them into series: the last of each, and the longest wait. */
  write(series: SeriesMap, endMinute: number): void {
    for (const [key, { gauges }] of this.#last) {
      const oldestPendingS = this.#oldestAt(key, endMinute - 1);
      seriesOf(series, key).gauges = { ...gauges, oldestPendingS };
    }
  }
}

/** A page that was read, and its step. */
export interface StoredPage {
  readonly at: number;
  readonly page: Page;
}

/** Reads pages. Those that cannot be read are left out. */
export function unpackPages(pages: readonly HistoryPage[], unreadable: Unreadable): StoredPage[] {
  return pages.flatMap(({ at, step, data }) => {
    const page = unreadable.read('a page', () => unpackPage(data, (at + 1) * STEP_MINUTES[step]));
    return page ? [{ at, page }] : [];
  });
}

/**
 * The page of an hour, made of the pages of its minutes, oldest first; null = nothing happened.
 *
 * @param endMinute the minute after the last one that has begun. Default: that after the hour
 */
export function hourPage(hour: number, pages: readonly StoredPage[], endMinute = Infinity): Page | null {
  const own = { from: hour * MINUTES, to: (hour + 1) * MINUTES };
  const blocks: Block[] = [];
  const last = new LastGauges();
  let merged = 0;
  for (const { at, page } of pages) {
    for (const block of page.blocks) {
      // What nobody has sampled since before the hour stays a time of its own.
      addAll(blockOf(blocks, block.from >= own.from ? own : block).series, block.series);
      last.add(at, block.series);
    }
    // Series of different minutes are mostly the same ones.
    merged = Math.max(merged, page.merged);
  }
  if (blocks.length === 0) return null;
  last.write(blockOf(blocks, own).series, Math.min(own.to, endMinute));
  return { blocks, merged };
}

/** The pages of an hour. @param maxBytes what they may take, all together */
export function hourPages(
  hour: number,
  pages: ReadonlyMap<HistoryBy, readonly StoredPage[]>,
  maxBytes: number,
): Map<HistoryBy, Page> {
  const made = new Map<HistoryBy, Page>();
  for (const [by, ofMinutes] of pages) {
    const page = hourPage(hour, ofMinutes);
    if (page) made.set(by, page);
  }
  return boundPages(made, maxBytes);
}
