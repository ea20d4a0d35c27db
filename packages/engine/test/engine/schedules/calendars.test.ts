import { describe, expect, test } from 'vitest';
import { putCalendar, removeCalendar } from '../../../src/control/calendars.ts';
import { CalendarCache } from '../../../src/firer/calendar-cache.ts';
import { CalendarWatch } from '../../../src/firer/calendar-watch.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, useFiring, type FiringBench } from '../../support/firing.ts';

const open = useFiring();

/** The days on which it fires, looked at a second late on each day. */
async function firedDays(bench: FiringBench, days: number): Promise<number[]> {
  bench.advance(HOUR_MS + SECOND_MS);
  for (let day = 0; day < days; day += 1) {
    await bench.fire();
    bench.advance(DAY_MS);
  }
  return bench.fired.map(({ fireMs }) => new Date(fireMs).getUTCDate());
}

/** A calendar of this test. Friday the 15th is off, people work on Saturday the 16th. */
const putDays = ({ broker, queue }: FiringBench, off = ['2026-05-15'], on = ['2026-05-16']) =>
  putCalendar(broker, { id: queue, calendar: { off, on } });

describe('a schedule with a calendar', () => {
  test('does not fire on days off, and fires on weekends that are worked', async () => {
    const bench = open();
    await putDays(bench);
    await bench.put({ cron: '0 11 * * mon-fri', calendar: bench.queue });
    expect(await firedDays(bench, 5)).toEqual([14, 16, 18]);
  });

  test('does not make a planned fire on a day that an edit takes out', async () => {
    const bench = open();
    await putDays(bench);
    await bench.put({ cron: '0 11 * * *', calendar: bench.queue });
    await bench.fire();
    await putDays(bench, ['2026-05-14'], []);
    expect(await firedDays(bench, 2)).toEqual([15]);
  });

  test('follows plain weekdays when its calendar was removed', async () => {
    const bench = open();
    await putDays(bench);
    await bench.put({ cron: '0 11 * * mon-fri', calendar: bench.queue });
    await bench.fire();
    await removeCalendar(bench.broker, bench.queue);
    expect(await firedDays(bench, 3)).toEqual([14, 15]);
  });

  test('tells once that the calendar has no dates in a year', async () => {
    const bench = open();
    const told: unknown[] = [];
    bench.runtime.events.on('calendar.incomplete', (event) => told.push(event));
    await putDays(bench, ['2020-01-01'], []);
    await bench.put({ calendar: bench.queue });
    for (let i = 0; i < 3; i += 1) {
      bench.advance(MINUTE_MS);
      await bench.fire();
    }
    const { queue } = bench;
    expect(told).toEqual([{ calendar: queue, year: 2026, queue, schedule: queue }]);
    expect(bench.fired).toHaveLength(3);
  });

  test('is looked at soon when an edit lets it fire earlier', async () => {
    const bench = open();
    const { queue, broker, runtime, store } = bench;
    await putDays(bench, ['2026-05-15'], []);
    await bench.put({ cron: '0 11 * * mon-fri', calendar: queue });
    bench.advance(HOUR_MS);
    await bench.fire();
    await bench.runTasks();
    bench.advance(DAY_MS);
    await bench.fire();
    const watch = new CalendarWatch(store, new CalendarCache(broker, runtime.clock));
    const nextLookMs = async () => (await store.nextLooks([queue]))[0]?.nextLookMs;
    while (await watch.step([queue]));
    expect(await nextLookMs()).toBe(Date.UTC(2026, 4, 18, 11));
    await putDays(bench, ['2026-05-15'], ['2026-05-16']);
    bench.advance(10 * SECOND_MS);
    while (await watch.step([queue]));
    expect(await nextLookMs()).toBe(bench.now);
    await bench.fire();
    expect(await nextLookMs()).toBe(Date.UTC(2026, 4, 16, 11));
  });
});
