import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundPages, boundReport, isOther, shareBytes } from './bound.ts';
import { packPage, packReport, type Page, type Report } from './documents.ts';
import { addSpan } from './histogram.ts';
import {
  addCount,
  addSeries,
  seriesCount,
  newSeries,
  NO_GAUGES,
  seriesOf,
  type SeriesMap,
} from './series.ts';

const END = 29_000_000;

/** Series with rising numbers of attempts. */
function risingSeries(count: number, prefix: string, ending = ''): SeriesMap {
  const map: SeriesMap = new Map();
  for (let i = 1; i <= count; i += 1) {
    const series = seriesOf(map, `${prefix}${i}${ending}`);
    addCount(series, 'started', i);
    addSpan(series.run, i);
    series.gauges = { ...NO_GAUGES, pending: i };
  }
  return map;
}

const pageOf = (series: SeriesMap): Page => ({ blocks: [{ from: END - 1, to: END, series }], merged: 0 });

function sumOf(map: SeriesMap) {
  const sum = newSeries();
  for (const series of map.values()) addSeries(sum, series);
  return sum;
}

describe('bounding', () => {
  test('merges the rarest series, counts them, and loses no attempt', () => {
    const series = risingSeries(200, 'shop-');
    const before = sumOf(series);
    const page = boundPages(new Map([['business', pageOf(series)]]), 3_000).get('business')!;
    const after = page.blocks.at(0)!.series;
    expect(packPage(page, END).length).toBeLessThanOrEqual(3_000);
    expect(sumOf(after)).toEqual(before);
    expect(page.merged).toBe(200 - (after.size - 1));
    // The frequent ones have stayed.
    const kept = [...after.keys()].filter((key) => key !== '');
    expect(kept.every((key) => Number(key.slice(5)) > page.merged)).toBe(true);
    expect(after.get('')!.gauges).toBeNull();
  });

  test('keeps the two kinds of queues apart', () => {
    const series = new Map([...risingSeries(150, 'q'), ...risingSeries(150, 'q', '~cb')]);
    const page = boundPages(new Map([['queue', pageOf(series)]]), 4_096).get('queue')!;
    const others = [...page.blocks.at(0)!.series].filter(([key]) => isOther('queue', key));
    expect(others.map(([key, other]) => [key, seriesCount(other, 'started') > 0])).toEqual(
      expect.arrayContaining([
        ['', true],
        ['~cb', true],
      ]),
    );
  });

  test('changes nothing that fits', () => {
    const report: Report = new Map([['type', { series: risingSeries(20, 't'), merged: 3 }]]);
    const packed = packReport(report);
    expect(packReport(boundReport(report, 65_536))).toEqual(packed);
  });

  test('lets one thing use what others leave, and takes from those alone that have most', () => {
    const report = boundReport(
      new Map([
        ['queue', { series: risingSeries(10, 'q'), merged: 0 }],
        ['business', { series: risingSeries(2_000, 'shop-'), merged: 0 }],
      ]),
      20_000,
    );
    const bytes = packReport(report).length;
    expect(report.get('queue')).toMatchObject({ merged: 0 });
    expect(bytes).toBeGreaterThan(15_000);
    expect(bytes).toBeLessThanOrEqual(20_000);
  });

  test('never goes beyond the bound, even where nothing but `other` is left', () => {
    const keys = fc.integer({ min: 1, max: 150 });
    fc.assert(
      fc.property(keys, keys, fc.integer({ min: 3_000, max: 20_000 }), (queues, types, maxBytes) => {
        const bounded = boundPages(
          new Map([
            ['queue', pageOf(risingSeries(queues, 'q'))],
            ['type', pageOf(risingSeries(types, 't'))],
          ]),
          maxBytes,
        );
        const bytes = [...bounded.values()].reduce((sum, page) => sum + packPage(page, END).length, 0);
        // Each page has a head of its own.
        expect(bytes).toBeLessThanOrEqual(maxBytes + 2 * 12);
      }),
      { numRuns: 20 },
    );
  });

  test('shares bytes out: the small get what they need, the others the rest in equal parts', () => {
    expect(shareBytes([10, 500, 300], 210)).toEqual([10, 100, 100]);
    expect(shareBytes([10, 20], 100)).toEqual([10, 20]);
  });
});
