import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeHistory } from '../../test/support/fake-history.ts';
import type { HistoryBy } from '../broker/history.ts';
import { Events, type EngineEvents } from '../runtime/events.ts';
import { silentLog } from '../runtime/log.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { unpackReport } from './documents.ts';
import { spansIn } from './histogram.ts';
import { MAX_REPORT_BYTES } from './minute-counts.ts';
import { Recorder } from './recorder.ts';
import { addAll, addCount, seriesCount, newSeries, addSeries, type SeriesMap } from './series.ts';

type Finished = EngineEvents['attempt.finished'];

const record = { number: 1, startedMs: 0, finishedMs: 5, outcome: 'succeeded' } as const;
const finished = (over: Partial<Finished> = {}): Finished => ({
  task: { queue: 'orders', id: '1' },
  type: 'order.paid',
  attempt: 1,
  outcome: 'succeeded',
  runMs: 5,
  waitMs: 2,
  business: null,
  callback: undefined,
  record,
  ...over,
});

function setUp() {
  const clock = createFakeClock();
  const history = new FakeHistory(clock);
  const events = new Events();
  const runtime = createRuntime({ clock, events, log: silentLog });
  const recorder = new Recorder({ history, runtime });
  recorder.add(events);
  const end = (over?: Partial<Finished>) => events.emit('attempt.finished', finished(over));
  /** What is stored, by minutes since the start. */
  async function stored(by: HistoryBy): Promise<Map<number, SeriesMap>> {
    const minutes = new Map<number, SeriesMap>();
    for (const { minute, data } of await history.reports()) {
      const at = minute - START / 60_000;
      const section = unpackReport(data).get(by);
      if (!minutes.has(at)) minutes.set(at, new Map());
      if (section) addAll(minutes.get(at)!, section.series);
    }
    return minutes;
  }
  const startedIn = async (by: HistoryBy, key: string) =>
    [...(await stored(by))].map(([at, series]) => [
      at,
      seriesCount(series.get(key) ?? newSeries(), 'started'),
    ]);
  return { clock, history, events, runtime, recorder, end, stored, startedIn };
}

const START = createFakeClock().wallMs();

describe('the recorder of attempts', () => {
  test('sends what has changed once a second, and does nothing while nothing happens', async () => {
    const { clock, history, end, startedIn } = setUp();
    expect(clock.sleeping).toBe(0);
    for (let i = 0; i < 50; i += 1) {
      end();
      await clock.advance(100);
    }
    await clock.advance(1_000);
    expect(history.writes).toBe(5);
    expect(await startedIn('type', 'order.paid')).toEqual([[0, 50]]);
    await clock.advance(600_000);
    expect(history.writes).toBe(5);
    expect(clock.sleeping).toBe(0);
  });

  test('counts outcomes by type, business and host, and spans by queue, too', async () => {
    const { clock, end, stored } = setUp();
    const callback = { url: 'https://User:x@Shop.example:8443/hook?a=1' };
    const failed = {
      ...record,
      outcome: 'failed',
      error: { class: 'http_status', message: '', status: 503 },
    } as const;
    end({
      outcome: 'failed',
      business: 'shop-a',
      callback,
      record: failed,
      task: { queue: 'orders~cb', id: '1' },
    });
    end({ outcome: 'archived', type: 'order.sent' });
    end({ outcome: 'cancelled', business: 'shop-a' });
    end({ outcome: 'deferred', waitMs: null, runMs: 0, record: null });
    await clock.advance(1_000);
    const counts = async (by: HistoryBy, key: string) => {
      const series = (await stored(by)).get(0)!.get(key)!;
      const names = [
        'started',
        'failed',
        'retried',
        'archived',
        'cancelled',
        'deferred',
        'callbacks:5xx',
      ] as const;
      const shown = names
        .map((name) => [name, seriesCount(series, name)] as const)
        .filter(([, count]) => count > 0);
      return { ...Object.fromEntries(shown), wait: spansIn(series.wait), run: spansIn(series.run) };
    };
    const ofCallback = { started: 1, failed: 1, retried: 1, 'callbacks:5xx': 1, wait: 1, run: 1 };
    expect(await counts('type', 'order.paid')).toEqual({
      ...ofCallback,
      started: 3,
      cancelled: 1,
      deferred: 1,
      wait: 2,
      run: 2,
    });
    expect(await counts('type', 'order.sent')).toEqual({
      started: 1,
      failed: 1,
      archived: 1,
      wait: 1,
      run: 1,
    });
    expect(await counts('business', 'shop-a')).toEqual({
      ...ofCallback,
      started: 2,
      cancelled: 1,
      wait: 2,
      run: 2,
    });
    expect(await counts('host', 'shop.example:8443')).toEqual(ofCallback);
    expect(await counts('queue', 'orders')).toEqual({ wait: 2, run: 2 });
    expect(await counts('queue', 'orders~cb')).toEqual({ 'callbacks:5xx': 1, wait: 1, run: 1 });
  });

  test('counts an attempt in the minute in which it ended, by the clock of the broker', async () => {
    const { clock, history, end, startedIn } = setUp();
    history.aheadMs = 30_000;
    end();
    await clock.advance(29_500);
    end();
    await clock.advance(600);
    end();
    await clock.advance(1_000);
    expect(await startedIn('type', 'order.paid')).toEqual([
      [0, 2],
      [1, 1],
    ]);
  });

  test.each(['before', 'after'] as const)(
    'sends again what a call that failed %s it was handled has not stored, and counts it once',
    async (fails) => {
      const { clock, history, end, startedIn } = setUp();
      end();
      await clock.advance(1_000);
      history.fails = fails;
      end();
      await clock.advance(10_000);
      history.fails = 'no';
      await clock.advance(1_000);
      expect(await startedIn('type', 'order.paid')).toEqual([[0, 2]]);
    },
  );

  test('adds to the present minute what an earlier one could not store', async () => {
    const { clock, history, end, startedIn } = setUp();
    end();
    await clock.advance(1_000);
    history.fails = 'before';
    for (let i = 0; i < 200; i += 1) {
      end();
      await clock.advance(1_000);
    }
    history.fails = 'no';
    await clock.advance(1_000);
    expect(await startedIn('type', 'order.paid')).toEqual([
      [0, 1],
      [3, 200],
    ]);
  });

  test('moves on when the broker has closed a minute that it believes to be the present one', async () => {
    const { clock, history, end, startedIn } = setUp();
    end();
    await clock.advance(1_000);
    history.aheadMs = 120_000;
    end();
    await clock.advance(3_000);
    expect(await startedIn('type', 'order.paid')).toEqual([
      [0, 1],
      [2, 1],
    ]);
  });

  test('counts once what several workers of the process tell of, and sends the last numbers when the last one stops', async () => {
    const { clock, history, recorder, events, end, startedIn } = setUp();
    const others = new Events();
    recorder.add(events);
    recorder.add(others);
    end();
    others.emit('attempt.finished', finished());
    await recorder.remove(events);
    await recorder.remove(events);
    end();
    expect(history.writes).toBe(0);
    await recorder.remove(others);
    expect(await startedIn('type', 'order.paid')).toEqual([[0, 2]]);
    expect(clock.sleeping).toBe(0);
  });

  test('does not hold up a stop while the broker hangs', async () => {
    const { clock, history, recorder, events, end } = setUp();
    history.state = () => new Promise(() => {});
    end();
    let hasStopped = false;
    void recorder.remove(events).then(() => (hasStopped = true));
    await clock.advance(1_900);
    expect(hasStopped).toBe(false);
    await clock.advance(200);
    expect(hasStopped).toBe(true);
  });

  test('keeps a report within 64 KiB whatever strangers invent, and loses no attempt', async () => {
    const { clock, history, end, stored } = setUp();
    for (let i = 0; i < 3_000; i += 1)
      end({
        type: `type-${i % 500}`,
        business: i % 2 === 0 ? 'big' : `shop-${i}`,
        callback: { url: `https://host-${i}/` },
      });
    await clock.advance(2_000);
    for (const { data } of await history.reports()) expect(data.length).toBeLessThanOrEqual(MAX_REPORT_BYTES);
    for (const by of ['type', 'business', 'host'] as const) {
      const all = newSeries();
      for (const series of (await stored(by)).get(0)!.values()) addSeries(all, series);
      expect(seriesCount(all, 'started')).toBe(3_000);
    }
    expect(seriesCount((await stored('business')).get(0)!.get('big')!, 'started')).toBe(1_500);
  });

  test('loses and doubles nothing, whatever is out of reach when', async () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant('end' as const), type: fc.constantFrom('a', 'b') }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
      fc.record({ kind: fc.constant('cut' as const), isCut: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const { clock, history, events, recorder, end, stored } = setUp();
        const expected = newSeries();
        for (const one of acts) {
          if (one.kind === 'wait') await clock.advance(one.ms);
          else if (one.kind === 'cut') history.fails = one.isCut ? 'before' : 'no';
          else {
            end({ type: one.type });
            addCount(expected, 'started', 1);
          }
        }
        history.fails = 'no';
        await settle();
        const stopping = recorder.remove(events);
        await clock.advance(2_000);
        await stopping;
        const all = newSeries();
        for (const minute of (await stored('type')).values())
          for (const series of minute.values()) addSeries(all, series);
        expect(seriesCount(all, 'started')).toBe(seriesCount(expected, 'started'));
      }),
      { numRuns: 40 },
    );
  });
});
