import { describe, expect, test } from 'vitest';
import { getCalendar, putCalendar, removeCalendar } from '../../../src/control/calendars.ts';
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

  test('keeps its calendar: one that schedules follow is not removed', async () => {
    const bench = open();
    const { broker, queue } = bench;
    await putDays(bench);
    for (const id of ['a', 'b', 'c', 'd'])
      await bench.put({ id: `${queue}-${id}`, calendar: queue, businessId: 'shop' });
    await expect(removeCalendar(broker, queue)).rejects.toMatchObject({
      code: 'calendar-in-use',
      details: { id: queue, schedules: ['a', 'b', 'c'].map((id) => `${queue}-${id}`) },
    });
    for (const id of ['a', 'b', 'c', 'd'])
      await bench.schedules.remove({ id: `${queue}-${id}`, businessId: 'shop' });
    await removeCalendar(broker, queue);
    await expect(getCalendar(broker, queue)).rejects.toMatchObject({ code: 'calendar-not-found' });
  });

  test('gets the built-in calendar back when the stored one in its place is removed', async () => {
    const bench = open();
    await putCalendar(bench.broker, { id: 'cn', calendar: { off: ['2026-05-14'] } });
    await bench.put({ cron: '0 11 * * *', calendar: 'cn' });
    await removeCalendar(bench.broker, 'cn');
    expect(await firedDays(bench, 1)).toEqual([14]);
  });

  test('follows plain weekdays when its calendar was removed', async () => {
    const bench = open();
    await putDays(bench);
    await bench.put({ cron: '0 11 * * mon-fri', calendar: bench.queue });
    await bench.fire();
    await bench.broker.documents.remove('calendar', bench.queue);
    expect(await firedDays(bench, 3)).toEqual([14, 15]);
  });

  test.each([
    ['was removed', 'missing', null],
    ['has no dates that can be read', 'unreadable', { off: ['32nd of May'] }],
    ['is no calendar', 'unreadable', 'x'],
  ])('follows plain weekdays when its calendar %s, and says so', async (_, cause, value) => {
    const bench = open();
    const { broker, queue, runtime, schedules } = bench;
    const told: unknown[] = [];
    runtime.events.on('calendar.incomplete', (event) => told.push(event.cause));
    await putDays(bench);
    await bench.put({ cron: '0 11 * * mon-fri', calendar: queue });
    if (value === null) await broker.documents.remove('calendar', queue);
    else await broker.documents.put('calendar', queue, value);
    const [first] = await schedules.preview(queue, { limit: 1 });
    expect(first).toMatchObject({ at: new Date('2026-05-14T11:00:00Z'), note: 'calendar_unknown' });
    expect(await firedDays(bench, 3)).toEqual([14, 15]);
    expect(told).toEqual([cause]);
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
    expect(told).toEqual([{ calendar: queue, cause: 'year', year: 2026, queue, schedule: queue }]);
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

/** Thursday the 14th, on which nobody works until an edit says so. The schedule would fire at 11:00. */
async function openDayOff(): Promise<FiringBench> {
  const bench = open();
  await putDays(bench, ['2026-05-14'], []);
  await bench.put({ cron: '0 11 * * *', calendar: bench.queue });
  await bench.fire();
  bench.advance(HOUR_MS - 4 * SECOND_MS);
  return bench;
}

const turnOn = (bench: FiringBench) => putDays(bench, [], []);
const lookNow = ({ store, queue }: FiringBench) => store.lookNow([{ queue, name: queue }]);

describe('a day that an edit turns on seconds before a fire', () => {
  test('has its fire, late, if the edit was seen after that', async () => {
    const bench = await openDayOff();
    await turnOn(bench);
    bench.advance(8 * SECOND_MS);
    await lookNow(bench);
    expect(await bench.fire()).toEqual(['fired 3600']);
  });

  test('has no fire from before the edit', async () => {
    const bench = await openDayOff();
    bench.advance(5 * SECOND_MS);
    await turnOn(bench);
    bench.advance(8 * SECOND_MS);
    await lookNow(bench);
    expect(await bench.fire()).toEqual([]);
    bench.advance(DAY_MS);
    expect(await bench.fire()).toEqual([`fired ${(DAY_MS + HOUR_MS) / SECOND_MS}`]);
  });

  test('has its fire also if another edit followed before anybody looked', async () => {
    const bench = await openDayOff();
    await turnOn(bench);
    bench.advance(5 * SECOND_MS);
    await putDays(bench, ['2026-05-20'], []);
    bench.advance(3 * SECOND_MS);
    await lookNow(bench);
    expect(await bench.fire()).toEqual(['fired 3600']);
  });

  test('has its fire from a scheduler that had read the calendar before', async () => {
    const bench = await openDayOff();
    const [first, second] = [bench.createScheduler(), bench.createScheduler()];
    await lookNow(bench);
    await second();
    await turnOn(bench);
    await lookNow(bench);
    expect(await first()).toEqual([]);
    bench.advance(4 * SECOND_MS);
    expect(await second()).toEqual(['fired 3600']);
  });

  test('has its fire though somebody looked with the days of before', async () => {
    const bench = await openDayOff();
    const [first, second] = [bench.createScheduler(), bench.createScheduler()];
    await lookNow(bench);
    await second();
    await turnOn(bench);
    bench.advance(4.5 * SECOND_MS);
    await lookNow(bench);
    expect(await second()).toEqual([]);
    await lookNow(bench);
    expect(await first()).toEqual(['fired 3600']);
    expect(await bench.history()).toEqual(['fired']);
  });

  test('has its fire if it was turned on by the return of the built-in calendar', async () => {
    const bench = open();
    const { broker } = bench;
    const about = { id: 'cn', calendar: { off: ['2026-05-14'] } };
    await putCalendar(broker, about);
    await bench.put({ cron: '0 11 * * *', calendar: 'cn' });
    await bench.fire();
    bench.advance(HOUR_MS - 4 * SECOND_MS);
    await removeCalendar(broker, 'cn');
    expect(await getCalendar(broker, 'cn')).toMatchObject({ source: 'builtin', version: 0 });
    bench.advance(8 * SECOND_MS);
    await lookNow(bench);
    expect(await bench.fire()).toEqual(['fired 3600']);
    // A stored one comes again, as new: it makes up for nothing of before.
    bench.advance(HOUR_MS);
    const { item, isNew } = await putCalendar(broker, about);
    expect([item.source, isNew]).toEqual(['api', false]);
    await lookNow(bench);
    expect(await bench.fire()).toEqual([]);
    await removeCalendar(broker, 'cn');
  });

  test('is found though the schedule had no day left on which to fire', async () => {
    const bench = open();
    const { broker, queue, runtime, store } = bench;
    await putDays(bench, [], []);
    await bench.put({ cron: '0 11 * * *', calendar: queue, endsAt: new Date('2026-05-15T00:00:00Z') });
    await putDays(bench, ['2026-05-14'], []);
    await bench.fire();
    const watch = new CalendarWatch(store, new CalendarCache(broker, runtime.clock));
    while (await watch.step([queue]));
    await putDays(bench, [], []);
    bench.advance(10 * SECOND_MS);
    while (await watch.step([queue]));
    bench.advance(HOUR_MS);
    expect(await bench.fire()).toEqual(['fired 3600']);
  });

  test('is seen by the next survey, however lately a look has read the calendars', async () => {
    const bench = await openDayOff();
    const { store, broker, runtime, queue } = bench;
    const calendars = new CalendarCache(broker, runtime.clock);
    const watch = new CalendarWatch(store, calendars);
    while (await watch.step([queue]));
    bench.advance(2 * SECOND_MS);
    await calendars.refresh(0);
    await turnOn(bench);
    bench.advance(1_500);
    while (await watch.step([queue]));
    expect((await store.nextLooks([queue]))[0]?.nextLookMs).toBe(bench.now);
  });
});
