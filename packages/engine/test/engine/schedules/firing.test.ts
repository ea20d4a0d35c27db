// What a look at a queue fires, with time that the test moves.
import { describe, expect, test } from 'vitest';
import { putCalendar } from '../../../src/control/calendars.ts';
import { Client } from '../../../src/client/client.ts';
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
  START_MS,
  useFiring,
  type FiringBench,
} from '../../support/firing.ts';

const open = useFiring();

describe('a fire', () => {
  test('is made when it is due, once, and tells its tasks what they are runs of', async () => {
    const bench = open();
    const { queue } = bench;
    await bench.put({ businessId: 'shop-a', shards: 2 });
    expect(await bench.fire()).toEqual([]);
    bench.advance(MINUTE_MS + 1);
    expect(await bench.fire()).toEqual(['fired 60']);
    expect(await bench.fire()).toEqual([]);
    const tasks = await bench.take();
    const about = {
      origin: 'schedule',
      schedule: `shop-a.${queue}`,
      fireMs: START_MS + MINUTE_MS,
      business: 'shop-a',
    };
    expect(tasks.map(({ meta }) => meta)).toMatchObject([0, 1].map((i) => ({ ...about, shard: [i, 2] })));
    expect(tasks[0]?.headers).toMatchObject({
      'tc-schedule-id': queue,
      'tc-fire-at': '2026-05-14T10:01:00.000Z',
      'tc-business-id': 'shop-a',
    });
    expect(tasks.map(({ headers }) => headers['tc-shard'])).toEqual(['0/2', '1/2']);
    expect(Buffer.from(tasks[0]!.payload!).toString()).toBe('{"a":1}');
    expect(bench.fired).toMatchObject([{ queue, schedule: `shop-a.${queue}`, lateMs: 1, tasks: 2 }]);
  });

  test('keeps a payload of any bytes', async () => {
    const bench = open();
    const payload = Uint8Array.of(0xff, 0x00, 0xfe);
    await bench.put({ task: { task: 'report', payload } });
    bench.advance(MINUTE_MS);
    await bench.fire();
    expect([...((await bench.take())[0]?.payload ?? [])]).toEqual([...payload]);
  });

  test('is delayed by its jitter', async () => {
    const bench = open();
    await bench.put({ jitter: '50s' });
    bench.advance(MINUTE_MS);
    await bench.fire();
    expect(await bench.take()).toEqual([]);
    const [surveyed] = await bench.broker.maintain.survey([bench.queue]);
    expect(surveyed?.nextInMs).toBeGreaterThan(0);
    expect(surveyed?.nextInMs).toBeLessThan(50 * SECOND_MS);
  });

  test('is decided once by any number of schedulers at the same time', async () => {
    const bench = open();
    for (let i = 0; i < 20; i += 1) await bench.put({ id: `${bench.queue}-${i}` });
    const schedulers = [1, 2, 3].map(() => bench.createScheduler());
    for (let minute = 0; minute < 3; minute += 1) {
      bench.advance(MINUTE_MS);
      await Promise.all(schedulers.map((fire) => fire()));
    }
    const fires = bench.fired.map(({ schedule, fireMs }) => `${schedule} ${fireMs}`);
    expect(fires).toHaveLength(60);
    expect(new Set(fires).size).toBe(60);
  });

  test('that a scheduler had in hand when it died is made by another one, late', async () => {
    const bench = open();
    await bench.put();
    await bench.fire();
    bench.advance(MINUTE_MS);
    await bench.store.due(bench.queue, 256);
    expect(await bench.fire()).toEqual([]);
    bench.advance(2 * SECOND_MS);
    expect(await bench.fire()).toEqual(['fired 60']);
  });

  test('that was due before an edit is made once, though the edit came before its write', async () => {
    const bench = open();
    await bench.put();
    await bench.fire();
    bench.advance(MINUTE_MS);
    const late = bench.createScheduler({
      async fire(...args) {
        await bench.put({ cron: '30 * * * *' });
        return bench.store.fire(...args);
      },
    });
    expect(await late()).toEqual(['fired 60']);
    bench.advance(29 * MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 1800']);
    expect(await bench.history()).toEqual(['fired', 'fired']);
  });
});

describe('what nobody has made', () => {
  test('stays due over edits of the times: in time as it is, older ones by the misfire policy', async () => {
    const bench = open();
    await putCalendar(bench.broker, { id: bench.queue, calendar: { off: ['2026-05-15'] } });
    await bench.put({ calendar: bench.queue });
    await bench.fire();
    bench.advance(5 * MINUTE_MS);
    await bench.put({ cron: '30 * * * *' });
    bench.advance(MINUTE_MS / 2);
    expect(await bench.fire()).toEqual(['caught_up 240', 'fired 300']);
    expect(await bench.history()).toEqual(['fired', 'caught_up', 'skipped_misfire 3']);
    bench.advance(24.5 * MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 1800']);
  });

  test('before a pause is left out after it, in one line, and what fell into the pause in none', async () => {
    const bench = open();
    await bench.put();
    await bench.fire();
    bench.advance(2 * MINUTE_MS);
    await bench.schedules.pause(bench.queue);
    expect(await bench.fire()).toEqual([]);
    bench.advance(10 * MINUTE_MS);
    await bench.schedules.resume(bench.queue);
    expect(await bench.fire()).toEqual([]);
    expect(await bench.history()).toEqual(['skipped_misfire 2']);
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 780']);
  });
});

describe('misfires', () => {
  test.each([
    ['skip', 1],
    ['fire_once', 2],
    ['catch_up', 6],
  ] as const)('of three days are treated by the policy: %s', async (policy, made) => {
    const bench = open();
    await bench.put({ misfire: { policy, limit: 5, grace: '30s' } });
    await bench.fire();
    bench.advance(3 * DAY_MS);
    const fires = await bench.fire();
    expect(fires).toHaveLength(made);
    expect(fires.at(-1)).toBe(`fired ${(3 * DAY_MS) / SECOND_MS}`);
    expect((await bench.history()).at(-1)).toBe(`skipped_misfire ${(3 * DAY_MS) / MINUTE_MS - made}`);
    expect(bench.lines).toContain('warn fires of a schedule were left out');
  });

  test('beyond one call are made in several, all of them', async () => {
    const bench = open();
    await bench.put({ cron: '* * * * * *', misfire: { policy: 'catch_up', limit: 300 }, shards: 2 });
    await bench.fire();
    bench.advance(HOUR_MS);
    const expected = Array.from({ length: 361 }, (_, i) => (bench.now - START_MS) / SECOND_MS - 360 + i);
    const fires = await bench.fire();
    expect(fires.map((fire) => Number(fire.split(' ')[1]))).toEqual(expected);
  });
});

describe('overlap', () => {
  test('queue: a run follows when the one before has ended', async () => {
    const bench = open();
    await bench.put({ overlap: 'queue' });
    await bench.fire();
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 60']);
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual([]);
    expect(await bench.runTasks()).toBe(1);
    expect(await bench.fire()).toEqual(['queued 120']);
  });

  test('skip: a fire while a run has not ended is left out', async () => {
    const bench = open();
    await bench.put({ overlap: 'skip' });
    await bench.fire();
    bench.advance(MINUTE_MS);
    await bench.fire();
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual([]);
    await bench.runTasks();
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 180']);
    expect(await bench.history()).toEqual(['fired', 'skipped_overlap', 'fired']);
  });

  test('does not matter to the run that somebody asks for, and that one holds up no fire', async () => {
    const bench = open();
    await bench.put({ overlap: 'queue' });
    await bench.fire();
    await bench.schedules.run(bench.queue);
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 60']);
    await bench.schedules.run(bench.queue);
    expect(await bench.take()).toHaveLength(3);
  });

  test('from end: the next fire counts from the end of the run', async () => {
    const bench = open();
    await bench.put({ every: '10s', from: 'end' });
    bench.advance(10 * SECOND_MS);
    expect(await bench.fire()).toEqual(['fired 10']);
    bench.advance(50 * SECOND_MS);
    expect(await bench.fire()).toEqual([]);
    await bench.runTasks();
    expect(await bench.fire()).toEqual([]);
    bench.advance(10 * SECOND_MS);
    expect(await bench.fire()).toEqual(['fired 70']);
  });
});

/** Writes another specification, as another program may. */
async function rewriteSpec({ store, queue: id }: FiringBench, change: (spec: string) => string) {
  const [record] = (await store.get([id])).schedules;
  const { queue, name, business, owner, source, calendar, pauseReason, spec } = record!;
  const text = { business, owner, source, calendar, pauseReason, spec: change(spec) };
  await store.put([{ queue, name, ...text, expectedRevision: 1, nextFireMs: null }]);
}

describe('a fire whose tasks the queue refuses', () => {
  const task = { task: 'report', payload: 1, unique: '1h' } as const;

  test('stays due, and is made when the queue takes them', async () => {
    const bench = open();
    await bench.put({ task, cron: '0 * * * *' });
    bench.advance(HOUR_MS);
    await new Client(bench.broker).enqueue('report', 1, { queue: bench.queue, unique: '1h' });
    expect(await bench.fire()).toEqual([]);
    expect(bench.lines).toEqual(['warn fires were refused; they stay due until their grace ends']);
    await bench.runTasks();
    bench.advance(30 * SECOND_MS);
    expect(await bench.fire()).toEqual(['fired 3600']);
  });

  test('is given up when its grace ends, and the history says so', async () => {
    const bench = open();
    await bench.put({ task, cron: '0 * * * *', misfire: { policy: 'skip' } });
    bench.advance(HOUR_MS);
    await new Client(bench.broker).enqueue('report', 1, { queue: bench.queue, unique: '1h' });
    for (let second = 0; second < 75; second += 5) {
      await bench.fire();
      bench.advance(5 * SECOND_MS);
    }
    expect(await bench.history()).toEqual(['refused']);
    expect(bench.fired).toEqual([]);
  });

  test('is given up though it waited for a run, and the next ones go on', async () => {
    const bench = open();
    const skipped: unknown[] = [];
    bench.runtime.events.on('schedule.skipped', ({ outcome, count }) => skipped.push([outcome, count]));
    await bench.put({ task: { ...task, timeout: '1h' }, cron: '0 * * * *', overlap: 'queue' });
    await bench.fire();
    for (let hour = 0; hour < 3; hour += 1) {
      bench.advance(HOUR_MS);
      await bench.fire();
    }
    await bench.runTasks();
    await new Client(bench.broker).enqueue('report', 1, { queue: bench.queue, unique: '1h' });
    for (let second = 0; second < 70; second += 5) {
      await bench.fire();
      bench.advance(5 * SECOND_MS);
    }
    expect(await bench.history()).toEqual(['refused 2', 'fired']);
    expect(skipped).toEqual([['refused', 2]]);
    await bench.runTasks();
    bench.advance(HOUR_MS - 70 * SECOND_MS);
    expect(await bench.fire()).toEqual(['fired 14400']);
  });

  test('because they cannot be encoded harms no other, and the history says so', async () => {
    const bench = open();
    const { queue, runtime } = bench;
    const skipped: unknown[] = [];
    runtime.events.on('schedule.skipped', ({ schedule, outcome }) => skipped.push([schedule, outcome]));
    const policy = { cron: '0 * * * *', misfire: { policy: 'skip' } } as const;
    await bench.put(policy);
    await bench.put({ ...policy, id: `${queue}-b` });
    await rewriteSpec(bench, (spec) => spec.replace('"report"', String.raw`"half \ud83d"`));
    bench.advance(HOUR_MS);
    expect(await bench.fire()).toEqual(['fired 3600']);
    expect(bench.fired.map(({ schedule }) => schedule)).toEqual([`${queue}-b`]);
    bench.advance(70 * SECOND_MS);
    await bench.fire();
    expect(await bench.history()).toEqual(['refused']);
    expect(skipped).toEqual([[queue, 'refused']]);
    await expect(bench.schedules.run(queue)).rejects.toMatchObject({ code: 'invalid-value' });
  });
});

test('one that cannot be read harms no other, and is looked at again in a minute', async () => {
  const bench = open();
  await bench.put();
  await bench.put({ id: `${bench.queue}-b` });
  await rewriteSpec(bench, () => '{');
  bench.advance(MINUTE_MS);
  expect(await bench.fire()).toEqual(['fired 60']);
  expect(bench.fired.map(({ schedule }) => schedule)).toEqual([`${bench.queue}-b`]);
  expect(bench.lines).toEqual(['error a schedule cannot be read; it does not fire']);
  bench.advance(59 * SECOND_MS);
  await bench.fire();
  expect(bench.lines).toHaveLength(1);
  bench.advance(SECOND_MS);
  await bench.fire();
  expect(bench.lines).toHaveLength(2);
});

test('one that cannot be read is in no list, and can be put anew or removed', async () => {
  const bench = open();
  const { queue: id, schedules } = bench;
  for (const change of [() => schedules.remove(id), () => bench.put()]) {
    await bench.put();
    await rewriteSpec(bench, () => '{');
    await expect(schedules.pause(id)).rejects.toMatchObject({ code: 'schedule-unreadable' });
    expect(await schedules.list({ queue: id })).toEqual([]);
    await change();
  }
  expect(await schedules.get(id)).toMatchObject({ id, version: 1 });
  bench.advance(MINUTE_MS);
  expect(await bench.fire()).toEqual(['fired 60']);
});

test('a clock that was days ahead and is set back does not put schedules to sleep', async () => {
  const bench = open();
  const told: unknown[] = [];
  bench.runtime.events.on('schedule.replanned', (event) => told.push(event));
  bench.advance(3 * DAY_MS);
  await bench.put();
  await bench.fire();
  bench.advance(MINUTE_MS);
  await bench.fire();
  bench.advance(-3 * DAY_MS);
  await bench.fire();
  expect(told).toHaveLength(1);
  bench.advance(MINUTE_MS);
  expect(await bench.fire()).toHaveLength(1);
});
