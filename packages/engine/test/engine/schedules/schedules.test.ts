// What the class `Schedules` takes, stores, shows and refuses.
import { describe, expect, test } from 'vitest';
import { putCalendar } from '../../../src/control/calendars.ts';
import * as control from '../../../src/control/index.ts';
import { makeTask } from '../../../src/client/make-task.ts';
import { draftTask } from '../../../src/client/draft-task.ts';
import { defineTask } from '../../../src/task/define-task.ts';
import { readSettings, type ScheduleOptions } from '../../../src/schedules/schedule-options.ts';
import {
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
  START_MS,
  useFiring,
  type FiringBench,
} from '../../support/firing.ts';

const open = useFiring();
const code = (name: string) => expect.objectContaining({ code: name });

/** What a configuration or the API puts. */
function inputOf(bench: FiringBench, source: 'config' | 'api', overrides: Partial<ScheduleOptions> = {}) {
  const settings = readSettings(bench.aSchedule(overrides), bench.now);
  const draft = draftTask({ type: 'report', payload: null, options: { queue: bench.queue } }, bench.now);
  const defaults = { maxRetries: 3, timeoutMs: 1_000, timeoutWithDeadlineMs: 0, retentionMs: 0 };
  return { settings, task: makeTask(draft, defaults, bench.runtime), source };
}

describe('put', () => {
  test('stores a schedule with all that was said about it', async () => {
    const bench = open();
    const { queue } = bench;
    await putCalendar(bench.broker, { id: queue, calendar: { off: ['2026-05-15'] } });
    const stored = await bench.put({
      name: 'Report',
      owner: 'finance',
      cron: '30 8 * * mon-fri',
      timezone: 'Europe/Berlin',
      calendar: queue,
      startsAt: new Date(START_MS + HOUR_MS),
      jitter: '5s',
      maxRuns: 3,
      skipNext: 1,
      misfire: { policy: 'catch_up', grace: '5m' },
      overlap: 'replace',
    });
    expect(stored).toMatchObject({
      id: queue,
      name: 'Report',
      owner: 'finance',
      source: 'client',
      queue,
      type: 'report',
      times: { kind: 'cron', cron: '30 8 * * mon-fri', dialect: 'unix' },
      timezone: 'Europe/Berlin',
      calendar: queue,
      jitterMs: 5_000,
      maxRuns: 3,
      skipNext: 1,
      misfire: { policy: 'catch_up', graceMs: 5 * MINUTE_MS, limit: 10 },
      isPaused: false,
      version: 1,
      runs: 0,
      createdAt: new Date(START_MS),
      // The 15th is off, and the next one is left out.
      nextFireAt: new Date('2026-05-19T06:30:00Z'),
    });
    expect(await bench.schedules.get(queue)).toEqual(stored);
  });

  test('of the same again writes nothing, and of another keeps what has become of it', async () => {
    const bench = open();
    await bench.put();
    bench.advance(MINUTE_MS);
    await bench.fire();
    expect(await bench.put()).toMatchObject({ version: 1, runs: 1 });
    expect(await bench.put({ owner: 'finance' })).toMatchObject({ version: 2, runs: 1, owner: 'finance' });
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 120']);
  });

  test('depends on a version if it is told to', async () => {
    const bench = open();
    const { schedules } = bench;
    const put = (expectedVersion: number, owner: string) =>
      schedules.put(bench.aSchedule({ owner }), { expectedVersion });
    await expect(put(1, 'a')).rejects.toEqual(code('version-mismatch'));
    await put(0, 'a');
    await expect(put(0, 'a')).rejects.toEqual(code('schedule-exists'));
    await put(1, 'b');
    await expect(put(1, 'c')).rejects.toEqual(code('version-mismatch'));
    await expect(schedules.remove(bench.queue, { expectedVersion: 1 })).rejects.toEqual(
      code('version-mismatch'),
    );
    await schedules.remove(bench.queue, { expectedVersion: 2 });
  });

  test('by many callers at once loses none of their changes to the version', async () => {
    const bench = open();
    await Promise.all(Array.from({ length: 10 }, (_, i) => bench.put({ owner: `o${i}` })));
    expect((await bench.schedules.get(bench.queue)).version).toBe(10);
  });

  test('checks the payload of a definition', async () => {
    const bench = open();
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'a number' }] },
      },
    } as const;
    const task = defineTask('report', { payload: schema });
    await expect(bench.put({ task: { task, payload: 'x' } })).rejects.toEqual(code('invalid-value'));
    expect(await bench.put({ task: { task, payload: 1 } })).toMatchObject({ type: 'report' });
  });

  test.each<[string, object, string]>([
    ['a field that is misspelt', { timezon: 'UTC' }, 'timezon'],
    ['a cron text', { cron: '* * * * 8' }, 'cron'],
    ['a time that never comes', { cron: '0 0 1 1 *', endsAt: new Date(START_MS + HOUR_MS) }, 'cron'],
    ['a calendar that does not exist', { calendar: 'nowhere' }, 'calendar'],
    ['what belongs to each fire', { task: { task: 'report', id: 'x' } }, 'task.id'],
    ['a deadline', { task: { task: 'report', deadline: new Date(START_MS + HOUR_MS) } }, 'task.deadline'],
    ['an option of the task', { task: { task: 'report', retention: 'x' } }, 'retention'],
    ['a unique task in shards', { task: { task: 'report', unique: '1m' }, shards: 2 }, 'task.unique'],
    [
      'a task of another business',
      { businessId: 'a', task: { task: 'report', context: { businessId: 'b' } } },
      'task.businessId',
    ],
    ['cancel_running, by name', { overlap: 'cancel_running' }, 'overlap'],
    ['then, by name', JSON.parse('{"then":["x"]}') as object, 'then'],
  ])('refuses %s, and says where', async (_, overrides, name) => {
    const error = await open()
      .put(overrides as never)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'invalid-value', details: { name } });
  });

  test('refuses another queue, and says why', async () => {
    const bench = open();
    await bench.put();
    const moved = { ...bench.aSchedule(), task: { task: 'report', queue: 'elsewhere' } };
    await expect(bench.schedules.put(moved)).rejects.toThrow(/queue is not valid/);
  });

  test('refuses a text that is not valid Unicode, however the task was made', async () => {
    const bench = open();
    const input = inputOf(bench, 'api');
    const task = { ...input.task, headers: { note: 'half \ud83d' } };
    const put = control.putSchedule(bench.broker, { ...input, task });
    await expect(put).rejects.toMatchObject({ code: 'invalid-value', details: { name: 'headers["note"]' } });
  });

  test('refuses tasks that are too large together', async () => {
    const bench = open();
    const payload = Buffer.alloc(100_000);
    await expect(bench.put({ shards: 64, task: { task: 'report', payload } })).rejects.toEqual(
      code('payload-too-large'),
    );
  });

  test('keeps the same ID of two businesses apart', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    await bench.put({ businessId: 'a', owner: 'x' });
    await bench.put({ businessId: 'b', owner: 'y' });
    await expect(schedules.get(queue)).rejects.toEqual(code('schedule-not-found'));
    expect(await schedules.get({ id: queue, businessId: 'b' })).toMatchObject({ owner: 'y' });
    await schedules.remove({ id: queue, businessId: 'a' });
    expect(await schedules.list({ queue })).toMatchObject([{ owner: 'y' }]);
  });

  test('of the configuration takes over what was put, and is changed by nobody else', async () => {
    const bench = open();
    const { queue, schedules, broker } = bench;
    await bench.put();
    await control.putSchedule(broker, inputOf(bench, 'config'));
    await expect(bench.put({ owner: 'x' })).rejects.toEqual(code('managed-elsewhere'));
    await expect(schedules.pause(queue)).rejects.toEqual(code('managed-elsewhere'));
    await expect(schedules.remove(queue)).rejects.toEqual(code('managed-elsewhere'));
    await schedules.run(queue);
    await control.removeSchedule(broker, { id: queue }, { by: 'config' });
  });

  test('of many has a result for each', async () => {
    const bench = open();
    const { queue, broker } = bench;
    const ids = Array.from({ length: 120 }, (_, i) => `${queue}-${i}`);
    await bench.put({ id: `${queue}-3` });
    const inputs = ids.map((id, i) => ({ ...inputOf(bench, 'api', { id }), isNew: i === 3 }));
    const results = await control.putSchedules(broker, inputs);
    expect(results.map((each) => ('item' in each ? each.item.spec.id : each.error.code))).toEqual(
      ids.map((id, i) => (i === 3 ? 'schedule-exists' : id)),
    );
    const again = await control.putSchedules(broker, inputs.slice(10));
    expect(again.every((each) => 'item' in each && each.item.version === 1 && !each.isNew)).toBe(true);
  });
});

describe('pause', () => {
  test('stops fires, and what falls into it is not made up for', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    await bench.put({ misfire: { policy: 'catch_up', limit: 100 } });
    expect(await schedules.pause(queue, { reason: 'no' })).toMatchObject({ pauseReason: 'no', version: 2 });
    expect(await schedules.pause(queue, { reason: 'no' })).toMatchObject({ version: 2 });
    bench.advance(10 * MINUTE_MS);
    expect(await bench.fire()).toEqual([]);
    expect(await schedules.list({ queue, paused: true })).toHaveLength(1);
    expect(await schedules.get(queue)).toMatchObject({ nextFireAt: null });
    const resumed = await schedules.resume(queue);
    expect(resumed).toMatchObject({ isPaused: false, version: 3, nextFireAt: expect.any(Date) });
    expect(await bench.fire()).toEqual([]);
    bench.advance(MINUTE_MS);
    expect(await bench.fire()).toEqual(['fired 660']);
    expect(await bench.history()).toEqual(['fired']);
  });
});

describe('run', () => {
  test('makes a fire whatever pause and plan say, with another payload', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    await bench.put({ cron: '0 0 1 1 *', shards: 2, businessId: 'a' });
    const address = { id: queue, businessId: 'a' };
    await schedules.pause(address);
    const { ids, at } = await schedules.run(address, { payload: { b: 2 } });
    expect(at.getTime()).toBeLessThan(START_MS);
    const tasks = await bench.take();
    expect(tasks.map(({ id }) => id)).toEqual(ids.map((id) => `a.${id}`));
    expect(tasks.map(({ payload }) => Buffer.from(payload!).toString())).toEqual(['{"b":2}', '{"b":2}']);
    expect(await schedules.fires(address)).toMatchObject([{ outcome: 'manual', tasks: 2, ended: 0 }]);
    expect(await schedules.get(address)).toMatchObject({ runs: 0, isPaused: true });
  });

  test('of one that nobody has planned yet leaves it its next fire, which clashes with others', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    const cron = '23 4 29 2 *';
    await bench.put({ cron });
    await schedules.run(queue);
    const [fire] = await schedules.preview({ ...bench.aSchedule({ cron }), id: 'draft' }, { limit: 1 });
    expect(fire).toMatchObject({ at: new Date('2028-02-29T04:23:00Z'), clashes: 1 });
  });

  test('leaves the plan as it is, also while a scheduler has the schedule in hand', async () => {
    const bench = open();
    await bench.put();
    await bench.fire();
    bench.advance(MINUTE_MS);
    let runs = 0;
    const late = bench.createScheduler({
      async fire(...args) {
        if (runs++ === 0) await bench.schedules.run(bench.queue);
        return bench.store.fire(...args);
      },
    });
    expect(await late()).toEqual(['fired 60']);
    expect(await bench.history()).toEqual(['fired', 'manual']);
  });
});

describe('preview', () => {
  test('shows the next fires, with notes and clashes', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    await putCalendar(bench.broker, { id: queue, calendar: { off: ['2026-05-15'], on: ['2026-05-16'] } });
    await bench.put({ cron: '0 11 * * mon-fri', calendar: queue, timezone: 'Etc/GMT-2', skipNext: 1 });
    await bench.put({ id: `${queue}-b`, cron: '0 9 16 5 *' });
    // The fire of the 14th is over in its zone, that of the 15th is off, and one is left out.
    expect(await schedules.preview(queue, { limit: 2 })).toEqual([
      { at: new Date('2026-05-18T09:00:00Z'), local: '2026-05-18T11:00:00', note: null, clashes: 0 },
      { at: new Date('2026-05-19T09:00:00Z'), local: '2026-05-19T11:00:00', note: null, clashes: 0 },
    ]);
    await bench.put({ cron: '0 11 * * mon-fri', calendar: queue, timezone: 'Etc/GMT-2' });
    expect(await schedules.preview(queue, { limit: 1 })).toEqual([
      { at: new Date('2026-05-16T09:00:00Z'), local: '2026-05-16T11:00:00', note: 'calendar_on', clashes: 1 },
    ]);
  });

  test('of a schedule that is not stored says what is wrong with it', async () => {
    const bench = open();
    const draft = bench.aSchedule({ cron: '30 2 * * *', timezone: 'Europe/Berlin' });
    const [first] = await bench.schedules.preview(draft, {
      limit: 1,
      from: new Date('2027-03-27T12:00:00Z'),
    });
    expect(first).toMatchObject({ local: '2027-03-28T03:00:00', note: 'dst_gap' });
    await expect(bench.schedules.preview({ ...draft, cron: 'x' })).rejects.toEqual(code('invalid-value'));
  });
});

describe('fires', () => {
  test('are listed over several queues in one order, page by page', async () => {
    const benches = [open(), open(), open()];
    const bench = benches[0]!;
    for (const [i, each] of benches.entries()) await each.put({ cron: `*/${10 * (i + 1)} * * * * *` });
    for (let i = 0; i < 12; i += 1) {
      for (const each of benches) await each.fire();
      bench.advance(5 * SECOND_MS);
    }
    const queues = benches.map(({ queue }) => queue);
    const seen: string[] = [];
    let after: Parameters<typeof control.listFires>[1]['after'] = null;
    do {
      const page = await control.listFires(bench.broker, { queues, limit: 3, after });
      seen.push(...page.fires.map(({ fireMs, queue }) => `${fireMs} ${queue}`));
      after = page.next;
    } while (after !== null);
    expect(seen).toHaveLength(5 + 2 + 1);
    expect(seen).toEqual([...seen].sort((a, b) => b.slice(0, 13).localeCompare(a.slice(0, 13))));
    expect(new Set(seen).size).toBe(seen.length);
  });
});

test('schedules are listed over all queues, page by page', async () => {
  const bench = open();
  const other = open();
  for (let i = 0; i < 5; i += 1) {
    await bench.put({ id: `${bench.queue}-${i}`, owner: 'lists' });
    await other.put({ id: `${other.queue}-${i}`, owner: 'lists' });
  }
  const names: string[] = [];
  let after: control.ScheduleInfoPage['next'] = null;
  do {
    const page: control.ScheduleInfoPage = await control.listSchedules(bench.broker, {
      owners: ['lists'],
      limit: 3,
      after,
    });
    names.push(...page.schedules.map(({ storedName }) => storedName));
    after = page.next;
  } while (after !== null);
  expect(names).toHaveLength(10);
  expect(new Set(names).size).toBe(10);
});
