import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packPage, packReport, unpackPage, unpackReport, type Block, type Page } from './documents.ts';
import { addSpan } from './histogram.ts';
import { PackedError } from './packed.ts';
import { addCount, SERIES_COUNTS, newSeries, type Series, type SeriesMap } from './series.ts';

const number = fc.oneof(fc.nat(300), fc.maxSafeNat());

const gauges = fc.record({
  pending: number,
  scheduled: number,
  retry: number,
  active: number,
  oldestPendingS: number,
  paused: fc.nat(1),
});

const series = fc
  .record({
    counts: fc.dictionary(fc.constantFrom(...SERIES_COUNTS), fc.integer({ min: 1, max: 2 ** 40 })),
    wait: fc.array(fc.nat(100_000), { maxLength: 20 }),
    run: fc.array(fc.nat(2 ** 31 - 1), { maxLength: 20 }),
    gauges: fc.option(gauges),
  })
  .map((drawn): Series => {
    const made = { ...newSeries(), gauges: drawn.gauges };
    for (const count of SERIES_COUNTS) addCount(made, count, drawn.counts[count] ?? 0);
    for (const ms of drawn.wait) addSpan(made.wait, ms);
    for (const ms of drawn.run) addSpan(made.run, ms);
    return made;
  })
  .filter((made) => made.gauges !== null || [...made.counts, ...made.wait, ...made.run].some((n) => n > 0));

const key = fc.oneof(
  fc.constantFrom('', '~cb', 'shop-1', 'shop-10', 'shop-2', '订单'),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);
const seriesMap = fc.array(fc.tuple(key, series), { maxLength: 5 }).map((all): SeriesMap => new Map(all));

const END = 29_000_000;
const block = fc
  .record({ back: fc.nat(3_000), length: fc.integer({ min: 1, max: 100_000 }), series: seriesMap })
  .map(({ back, length, series: all }): Block => ({
    from: END - back - length,
    to: END - back,
    series: all,
  }));
const page = fc.record({ blocks: fc.array(block, { maxLength: 3 }), merged: number });

const section = fc.record({ series: seriesMap, merged: number });
const report = fc
  .dictionary(fc.constantFrom('queue', 'type', 'business', 'host'), section)
  .map((all) => new Map(Object.entries(all)) as Map<'queue' | 'type' | 'business' | 'host', never>);

/** Whether reading throws nothing else. */
function isSkippable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    return error instanceof PackedError;
  }
}

describe('stored history', () => {
  test('reads pages and reports as they were written', () => {
    fc.assert(
      fc.property(page, (drawn) => {
        expect(unpackPage(packPage(drawn, END), END)).toEqual(drawn);
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(report, (drawn) => {
        expect(unpackReport(packReport(drawn))).toEqual(drawn);
      }),
      { numRuns: 30 },
    );
  });

  test('says of bytes that are cut off or anything else that they are unreadable, whatever they are', () => {
    fc.assert(
      fc.property(page, fc.nat(), fc.uint8Array({ maxLength: 60 }), (drawn, cut, bytes) => {
        const packed = packPage(drawn, END);
        const rest = packed.subarray(0, cut % packed.length);
        expect(() => unpackPage(rest, END)).toThrow(PackedError);
        expect(isSkippable(() => unpackPage(bytes, END))).toBe(true);
        expect(isSkippable(() => unpackReport(bytes))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('refuses the form of a later version', () => {
    const packed = packPage({ blocks: [], merged: 0 }, END);
    packed[0] = 2;
    expect(() => unpackPage(packed, END)).toThrow('its form has the version 2, not 1');
  });

  test('leaves out what a later version has appended to a series', () => {
    const one = new Map([['orders', newSeries()]]);
    addCount(one.get('orders')!, 'succeeded', 5);
    const known: Page = { blocks: [{ from: END - 1, to: END, series: one }], merged: 0 };
    const packed = packPage(known, END);
    // Its record is the last three bytes: length 2, parts (bit 4: succeeded), 5. Bit 25 and its number are appended.
    expect(Array.from(packed.slice(-3))).toEqual([2, 16, 5]);
    const parts = 16 + 2 ** 25;
    const later = [(parts & 127) | 128, ((parts >> 7) & 127) | 128, ((parts >> 14) & 127) | 128, parts >> 21];
    const appended = Uint8Array.from([...packed.slice(0, -3), 6, ...later, 5, 99]);
    expect(unpackPage(appended, END).blocks.at(0)!.series.get('orders')!.counts[1]).toBe(5);
  });

  test('takes 40 bytes or less for a busy series, and under 9 for a rare one', () => {
    const all: SeriesMap = new Map();
    for (let shop = 1_000; shop < 2_000; shop += 1) {
      const made = newSeries();
      const attempts = shop % 2 === 0 ? 50 : 1;
      addCount(made, 'started', attempts);
      addCount(made, 'succeeded', attempts);
      for (let i = 0; i < attempts && attempts > 1; i += 1) {
        addSpan(made.wait, (i * 7) % 12);
        addSpan(made.run, 40 + ((i * 13) % 30));
      }
      all.set(`shop-${shop}`, made);
    }
    const mapBytes = (map: SeriesMap) =>
      packPage({ blocks: [{ from: END - 1, to: END, series: map }], merged: 0 }, END).length / map.size;
    const isBusy = ([, { run }]: [string, Series]) => run.length > 0;
    expect(mapBytes(new Map([...all].filter(isBusy)))).toBeLessThan(50);
    expect(mapBytes(new Map([...all].filter((entry) => !isBusy(entry))))).toBeLessThan(9);
  });
});
