import { describe, expect, test } from 'vitest';
import {
  HISTORY_KEPT,
  REPORT_GRACE_MS,
  REPORTS_KEPT,
  type HistoryPage,
  type HistoryPut,
} from '../../src/broker/history.ts';
import type { Bench, Harness } from './harness.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const minuteOf = (bench: Bench): number => Math.floor(bench.now() / MINUTE_MS);
const hourOf = (bench: Bench): number => Math.floor(bench.now() / HOUR_MS);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

const report = ({ broker }: Bench, minute: number, [process, data]: readonly [string, string]) =>
  broker.history.report({ minute, process, data: bytes(data) });

async function reportsOf({ broker }: Bench): Promise<string[]> {
  const reports = await broker.history.reports();
  return reports.map(({ minute, process, data }) => `${minute} ${process} ${text(data)}`).sort();
}

const aPage = (at: number, data: string, more: Partial<HistoryPage> = {}): HistoryPage => ({
  by: 'queue',
  step: 'minute',
  at,
  data: bytes(data),
  ...more,
});

const put = (bench: Bench, version: number, more: Partial<HistoryPut> = {}) =>
  bench.broker.history.put({
    version,
    minute: minuteOf(bench) - 1,
    hour: null,
    pages: [],
    baselines: new Map(),
    removed: [],
    ...more,
  });

async function pagesOf({ broker }: Bench, range: Parameters<typeof broker.history.pages>[0]) {
  return (await broker.history.pages(range)).map(({ at, data }) => [at, text(data)]);
}

/** All minutes that may still be kept. */
const minutes = (bench: Bench, by: HistoryPage['by'] = 'queue') =>
  pagesOf(bench, {
    by,
    step: 'minute',
    from: minuteOf(bench) - HISTORY_KEPT.minute - 5,
    to: minuteOf(bench) + 1,
  });

/** Moves time to this many ms into the next minute. */
const toNextMinute = (bench: Bench, ms = 0) => bench.advance(MINUTE_MS - (bench.now() % MINUTE_MS) + ms);

function reportsSuite(harness: Harness): void {
  test('a report replaces the one before, of the same process and minute alone', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench);
    expect(await reportsOf(bench)).toEqual([]);
    expect(await report(bench, minute, ['a', 'one'])).toBe(true);
    expect(await report(bench, minute, ['b', 'two'])).toBe(true);
    expect(await report(bench, minute, ['a', 'three'])).toBe(true);
    await toNextMinute(bench);
    expect(await report(bench, minute + 1, ['a', 'four'])).toBe(true);
    expect(await reportsOf(bench)).toEqual([`${minute} a three`, `${minute} b two`, `${minute + 1} a four`]);
  });

  test('a minute takes reports for a moment after its end', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench);
    await toNextMinute(bench, REPORT_GRACE_MS - 1);
    expect(await report(bench, minute, ['a', 'late'])).toBe(true);
    await bench.advance(1);
    expect(await report(bench, minute, ['a', 'too late'])).toBe(false);
    expect(await reportsOf(bench)).toEqual([`${minute} a late`]);
  });

  test('a put takes the reports up to its minute', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench);
    await report(bench, minute, ['a', 'one']);
    await toNextMinute(bench);
    await report(bench, minute + 1, ['a', 'two']);
    await toNextMinute(bench);
    await report(bench, minute + 2, ['a', 'three']);
    expect(await put(bench, 0, { minute: minute + 1 })).toBe(true);
    expect(await reportsOf(bench)).toEqual([`${minute + 2} a three`]);
  });

  test('what no put takes is dropped after an hour', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench);
    await report(bench, minute, ['a', 'one']);
    await bench.advance(REPORTS_KEPT * MINUTE_MS);
    expect(await reportsOf(bench)).toEqual([`${minute} a one`]);
    await bench.advance(MINUTE_MS);
    expect(await reportsOf(bench)).toEqual([]);
  });

  test('many large reports are read', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench);
    const large = 'x'.repeat(64 * 1_024);
    for (let i = 0; i < 40; i += 1) await report(bench, minute, [`process ${i}`, large]);
    const reports = await bench.broker.history.reports();
    expect(new Set(reports.map(({ process }) => process)).size).toBe(40);
    expect(reports.every(({ data }) => data.length === large.length)).toBe(true);
  });
}

function putSuite(harness: Harness): void {
  test('at first there is nothing', async () => {
    const bench = await harness.openBench();
    expect(await bench.broker.history.state()).toEqual({
      version: 0,
      nowMs: bench.now(),
      minute: null,
      hour: null,
      baselines: new Map(),
    });
    expect(await minutes(bench)).toEqual([]);
  });

  test('a put writes pages, baselines and where it stands', async () => {
    const bench = await harness.openBench();
    const [minute, hour] = [minuteOf(bench) - 1, hourOf(bench) - 1];
    const baselines = new Map([
      ['orders', bytes('1')],
      ['orders~cb', new Uint8Array([0, 255, 13, 10])],
    ]);
    expect(await put(bench, 0, { minute, hour, baselines, pages: [aPage(minute, 'page')] })).toBe(true);
    const state = await bench.broker.history.state();
    expect(state).toMatchObject({ version: 1, minute, hour });
    expect([...state.baselines].map(([queue, data]) => [queue, [...data]])).toEqual(
      expect.arrayContaining([
        ['orders', [...bytes('1')]],
        ['orders~cb', [0, 255, 13, 10]],
      ]),
    );
    expect(await minutes(bench)).toEqual([[minute, 'page']]);
  });

  test('an hour stays, baselines that are not named stay, and those that are removed go', async () => {
    const bench = await harness.openBench();
    const baselines = new Map(['a', 'b', 'c'].map((queue) => [queue, bytes(queue)]));
    await put(bench, 0, { hour: 7, baselines });
    await put(bench, 1, { baselines: new Map([['b', bytes('new')]]), removed: ['c', 'unknown'] });
    const state = await bench.broker.history.state();
    expect(state).toMatchObject({ version: 2, hour: 7 });
    expect(Object.fromEntries([...state.baselines].map(([queue, data]) => [queue, text(data)]))).toEqual({
      a: 'a',
      b: 'new',
    });
  });

  test('another version writes nothing, of many at once one writes', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench) - 1;
    await report(bench, minute + 1, ['a', 'kept']);
    await put(bench, 0, { pages: [aPage(minute, 'first')] });
    for (const version of [0, 2]) {
      const more = {
        minute: minute + 1,
        pages: [aPage(minute, 'x')],
        baselines: new Map([['q', bytes('x')]]),
      };
      expect(await put(bench, version, more)).toBe(false);
    }
    expect(await minutes(bench)).toEqual([[minute, 'first']]);
    expect(await reportsOf(bench)).toEqual([`${minute + 1} a kept`]);
    expect((await bench.broker.history.state()).baselines.size).toBe(0);
    const raced = Array.from({ length: 10 }, (_, i) =>
      put(bench, 1, { pages: [aPage(minute, `race ${i}`)] }),
    );
    expect((await Promise.all(raced)).filter(Boolean)).toHaveLength(1);
  });

  test('thousands of baselines are written and removed at once', async () => {
    const bench = await harness.openBench();
    const queues = Array.from({ length: 4_000 }, (_, i) => `queue-${i}`);
    const baselines = new Map(queues.map((queue) => [queue, bytes(`of ${queue}`)]));
    await put(bench, 0, { baselines });
    expect((await bench.broker.history.state()).baselines.size).toBe(4_000);
    await put(bench, 1, { removed: queues.slice(1) });
    expect([...(await bench.broker.history.state()).baselines.keys()]).toEqual(['queue-0']);
  });
}

function pagesSuite(harness: Harness): void {
  test('a page replaces that of its step, and belongs to its kind alone', async () => {
    const bench = await harness.openBench();
    const minute = minuteOf(bench) - 1;
    await put(bench, 0, { pages: [aPage(minute, 'old'), aPage(minute, 'type', { by: 'type' })] });
    await put(bench, 1, { pages: [aPage(minute, 'new'), aPage(minute, 'hour', { step: 'hour' })] });
    expect(await minutes(bench)).toEqual([[minute, 'new']]);
    expect(await minutes(bench, 'type')).toEqual([[minute, 'type']]);
    expect(await minutes(bench, 'host')).toEqual([]);
  });

  test('pages come in order, within the range, over the ends of hours and days', async () => {
    const bench = await harness.openBench();
    const last = minuteOf(bench) - 1;
    const all = Array.from({ length: 150 }, (_, i) => last - 149 + i);
    const pages = all.map((at) => aPage(at, `${at}`));
    await put(bench, 0, { pages: pages.slice(0, 75).reverse() });
    await put(bench, 1, { pages: pages.slice(75) });
    const range = { by: 'queue', step: 'minute', from: all[10]!, to: all[140]! } as const;
    expect((await pagesOf(bench, range)).map(([at]) => at)).toEqual(all.slice(10, 140));
    const hours = Array.from({ length: 60 }, (_, i) => hourOf(bench) - 60 + i);
    await put(bench, 2, { pages: hours.map((at) => aPage(at, `${at}`, { step: 'hour' })) });
    const found = await pagesOf(bench, { by: 'queue', step: 'hour', from: hours[0]!, to: hours[59]! + 1 });
    expect(found).toEqual(hours.map((at) => [at, `${at}`]));
  });

  test('minutes are kept for 25 hours, and hours for 32 days', async () => {
    const bench = await harness.openBench();
    const [minute, hour] = [minuteOf(bench), hourOf(bench)];
    await put(bench, 0, { pages: [aPage(minute, 'minute'), aPage(hour, 'hour', { step: 'hour' })] });
    await bench.advance(HISTORY_KEPT.minute * MINUTE_MS);
    expect(await minutes(bench)).toEqual([[minute, 'minute']]);
    await bench.advance(MINUTE_MS);
    await put(bench, 1);
    expect(await minutes(bench)).toEqual([]);
    const hours = { by: 'queue', step: 'hour', from: hour, to: hour + 1 } as const;
    await bench.advance((HISTORY_KEPT.hour - 26) * HOUR_MS);
    expect(await pagesOf(bench, hours)).toEqual([[hour, 'hour']]);
    await bench.advance(2 * HOUR_MS);
    await put(bench, 2);
    expect(await pagesOf(bench, hours)).toEqual([]);
  });

  test('a range that nobody keeps, and numbers that are none, are refused', async () => {
    const { broker } = await harness.openBench();
    const invalid = { code: 'invalid-value' };
    await expect(
      broker.history.pages({ by: 'queue', step: 'minute', from: 0, to: 100_000 }),
    ).rejects.toMatchObject(invalid);
    await expect(
      broker.history.pages({ by: 'queue', step: 'minute', from: -1, to: 1.5 }),
    ).rejects.toMatchObject(invalid);
    await expect(
      broker.history.report({ minute: 1, process: '', data: new Uint8Array() }),
    ).rejects.toMatchObject(invalid);
  });
}

/** The figures of the past: reports of processes, and the pages that one of them makes. */
export function historySuite(harness: Harness): void {
  describe('history', () => {
    reportsSuite(harness);
    putSuite(harness);
    pagesSuite(harness);
  });
}
