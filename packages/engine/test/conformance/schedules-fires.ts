import { MAX_OPEN_RUNS } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import type { FireWrite } from '../../src/broker/fires.ts';
import type { SchedulePlan } from '../../src/broker/schedule-records.ts';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import {
  aFire,
  aPlan,
  aSchedule,
  aWrite,
  fireOnce,
  listNames,
  putAll,
  readSchedule,
  schedulesOf,
} from '../support/schedules.ts';
import {
  countsOf,
  end,
  forward,
  idsOf,
  recordOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

const HOUR_MS = 3_600_000;

async function openOne(harness: Harness, plan: Partial<SchedulePlan> = {}): Promise<Bench> {
  const bench = await harness.openBench();
  await putAll(bench, aSchedule({ plan: aPlan(plan) }));
  return bench;
}

const fire = ({ broker }: Bench, ...writes: readonly FireWrite[]) => broker.schedules.fire('default', writes);

function writing(harness: Harness): void {
  test('a fire stores its tasks and its plan', async () => {
    const bench = await openOne(harness);
    const meta = { origin: 'schedule', schedule: 'one', fireMs: bench.now(), shard: [1, 2] } as const;
    const headers = { 'tc-schedule-id': 'one', 'tc-fire-at': '2026-01-01T00:00:00Z' };
    const tasks = [
      aTask({ id: 'x', headers, meta }),
      aTask({ id: 'y', delayMs: 500, payload: Buffer.alloc(5_000, 'y') }),
    ];
    const plan = aPlan({
      ledger: '{"n":1}',
      lastFireMs: bench.now(),
      nextFireMs: 9e12,
      nextLookMs: 9e12,
      runs: 1,
    });
    const before = await readSchedule(bench);
    expect(
      await fire(bench, { name: 'one', stamp: before.stamp, fires: [aFire(bench, { tasks })], plan }),
    ).toEqual([{ code: 'fired' }]);
    expect(await countsOf(bench)).toEqual({ pending: 1, scheduled: 1 });
    expect(await recordOf(bench, 'x')).toMatchObject({ headers, meta });
    const after = await readSchedule(bench);
    expect(after).toMatchObject({ ...plan, revision: 1, specStamp: before.specStamp });
    expect(after.stamp).not.toBe(before.stamp);
    await bench.advance(500);
    await forward(bench);
    expect(idsOf(await take(bench))).toEqual(['x', 'y']);
  });

  test('a schedule that was written since it was read is not fired', async () => {
    const bench = await openOne(harness);
    const [first, second] = [await aWrite(bench, [aFire(bench)]), await aWrite(bench, [aFire(bench)])];
    const outcomes = await Promise.all([fire(bench, first), fire(bench, second)]);
    expect(
      outcomes
        .flat()
        .map(({ code }) => code)
        .sort(),
    ).toEqual(['changed', 'fired']);
    const third = await aWrite(bench, [aFire(bench)]);
    await putAll(bench, aSchedule({ expectedRevision: 1, plan: null }));
    expect(await fire(bench, third, { ...third, name: 'none' })).toEqual([
      { code: 'changed' },
      { code: 'changed' },
    ]);
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });

  test('nothing is stored before its time by the clock of the broker', async () => {
    const bench = await openOne(harness);
    const write = await aWrite(bench, [aFire(bench), aFire(bench, { fireMs: bench.now() + 1 })]);
    expect(await fire(bench, write)).toEqual([{ code: 'in-future', nowMs: bench.now() }]);
    expect(await countsOf(bench)).toEqual({});
    await bench.advance(1);
    expect(await fire(bench, write)).toEqual([{ code: 'fired' }]);
    expect(await countsOf(bench)).toEqual({ pending: 2 });
  });

  test('a paused schedule is fired by hand only, and its plan may change', async () => {
    const bench = await harness.openBench();
    await putAll(bench, aSchedule({ pauseReason: '' }));
    const manual = aFire(bench, { outcome: 'manual' });
    expect(await fire(bench, await aWrite(bench, [manual, aFire(bench)]))).toEqual([{ code: 'paused' }]);
    expect(await countsOf(bench)).toEqual({});
    expect(await fire(bench, await aWrite(bench, [manual]))).toEqual([{ code: 'fired' }]);
    expect(await fire(bench, await aWrite(bench, [], { ledger: '5' }))).toEqual([{ code: 'fired' }]);
    expect(await readSchedule(bench)).toMatchObject({ ledger: '5', nextLookMs: null });
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });

  test('a task that cannot be stored refuses the fires of its schedule, and of no other', async () => {
    const bench = await openOne(harness);
    await putAll(bench, aSchedule({ name: 'two' }), aSchedule({ name: 'three' }));
    await bench.broker.submit.enqueue([
      aTask({ id: 'taken' }),
      aTask({ id: 'holder', type: 'u', uniqueMs: HOUR_MS }),
    ]);
    const before = await readSchedule(bench);
    const taken = [aFire(bench), aFire(bench, { tasks: [aTask({ id: 'new' }), aTask({ id: 'taken' })] })];
    const duplicate = [aFire(bench, { tasks: [aTask(), aTask({ type: 'u', uniqueMs: HOUR_MS })] })];
    const outcomes = await fire(
      bench,
      await aWrite(bench, taken),
      await aWrite(bench, duplicate, { name: 'two' }),
      await aWrite(bench, [aFire(bench)], { name: 'three' }),
    );
    expect(outcomes).toEqual([
      { code: 'refused', cause: 'task-exists' },
      { code: 'refused', cause: 'duplicate-task' },
      { code: 'fired' },
    ]);
    expect(await readSchedule(bench)).toEqual(before);
    expect(await countsOf(bench)).toEqual({ pending: 3 });
    expect((await schedulesOf(bench).fires({ queue: 'default', limit: 9, before: null })).fires).toHaveLength(
      1,
    );
  });

  test.each([
    ['type', { type: 'half \ud83d' }],
    ['header', { headers: { 'half \ud83d': 'x' } }],
    ['value of a header', { headers: { x: 'half \ud83d' } }],
    ['group', { group: 'half \ud83d' }],
  ])('a %s that is not valid Unicode refuses the fires of its schedule, and of no other', async (_, odd) => {
    const bench = await openOne(harness);
    await putAll(bench, aSchedule({ name: 'two' }));
    const tasks = [aTask({ id: 'fine' }), aTask(odd)];
    const before = await readSchedule(bench);
    const outcomes = await fire(
      bench,
      await aWrite(bench, [aFire(bench, { tasks })]),
      await aWrite(bench, [aFire(bench)], { name: 'two' }),
    );
    expect(outcomes).toEqual([{ code: 'refused', cause: 'invalid-task' }, { code: 'fired' }]);
    expect(await readSchedule(bench)).toEqual(before);
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });

  test('two tasks of one write may not hold the same unique lock', async () => {
    const bench = await openOne(harness);
    const tasks = [aTask({ uniqueMs: HOUR_MS }), aTask({ uniqueMs: HOUR_MS })];
    const refused = { code: 'refused', cause: 'duplicate-task' };
    expect(await fire(bench, await aWrite(bench, [aFire(bench, { tasks })]))).toEqual([refused]);
    expect(await countsOf(bench)).toEqual({});
    expect(await fire(bench, await aWrite(bench, [aFire(bench, { tasks: [tasks[0]!] })]))).toEqual([
      { code: 'fired' },
    ]);
  });

  test('more than one call may carry is written all the same', async () => {
    const bench = await openOne(harness);
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    await putAll(bench, ...names.map((name) => aSchedule({ name })));
    const payload = Buffer.alloc(50_000);
    const writes: FireWrite[] = [];
    for (const name of names)
      writes.push(
        await aWrite(bench, [aFire(bench, { tasks: manyTasks(20, `${name}-`, { payload }) })], { name }),
      );
    expect((await fire(bench, ...writes)).filter(({ code }) => code === 'fired')).toHaveLength(20);
    expect(await countsOf(bench)).toEqual({ pending: 400 });
  });

  test('a pause of the queue stops no fire', async () => {
    const bench = await openOne(harness);
    await bench.broker.control.pause('default');
    await fireOnce(bench);
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });
}

/** What `due` tells of the open runs of the schedule `one`. */
async function openRuns(bench: Bench) {
  await schedulesOf(bench).lookNow([{ queue: 'default', name: 'one' }]);
  const { schedules } = await schedulesOf(bench).due('default', 10);
  return schedules.find(({ name }) => name === 'one')?.openRuns;
}

/** Fires one task that the ledger counts as open, and that may be waited for. */
async function fireOpen(bench: Bench, awaitsEnd: boolean, retentionMs = 0): Promise<string> {
  const task = aTask({ retentionMs });
  const plan = { open: [task.id], awaitsEnd, nextLookMs: bench.now() + HOUR_MS };
  await fireOnce(bench, { tasks: [task] }, plan);
  return task.id;
}

function ends(harness: Harness): void {
  test.each([true, false])(
    'a run is open until it has ended, over retries (awaited: %s)',
    async (awaited) => {
      const bench = await openOne(harness);
      const id = await fireOpen(bench, awaited);
      const lookMs = bench.now() + HOUR_MS;
      const isOpen = [{ id, end: null, endedMs: null }];
      await end(bench, finish.retry(await takeOne(bench), 0));
      await forward(bench);
      expect((await readSchedule(bench)).nextLookMs).toBe(lookMs);
      expect(await openRuns(bench)).toEqual(isOpen);
      // Planned again, it waits for the same run.
      await fire(bench, await aWrite(bench, [], { open: [id], awaitsEnd: awaited, nextLookMs: lookMs }));
      await bench.advance(1_000);
      await end(bench, finish.succeeded(await takeOne(bench)));
      expect((await readSchedule(bench)).nextLookMs).toBe(awaited ? bench.now() : lookMs);
      expect(await openRuns(bench)).toEqual([{ id, end: 'completed', endedMs: bench.now() }]);
    },
  );

  test.each(['completed', 'archived', 'cancelled', 'gone'] as const)(
    'a run that ended as %s',
    async (how) => {
      const bench = await openOne(harness);
      const id = await fireOpen(bench, true, HOUR_MS);
      const ref = { queue: 'default', id };
      await bench.advance(1_000);
      if (how === 'gone') await bench.broker.control.remove(ref);
      else if (how === 'cancelled') await bench.broker.control.cancel(ref, {});
      else if (how === 'archived') await end(bench, finish.archive(await takeOne(bench)));
      else await end(bench, finish.succeeded(await takeOne(bench)));
      expect(await openRuns(bench)).toEqual([{ id, end: how, endedMs: bench.now() }]);
      const isFailed = how === 'archived' || how === 'cancelled';
      expect((await readSchedule(bench)).failing).toBe(isFailed);
    },
  );

  test('an end before the plan is written is not overlooked', async () => {
    const bench = await openOne(harness);
    const id = await fireOpen(bench, true);
    const write = await aWrite(bench, [], { open: [id], awaitsEnd: true, nextLookMs: bench.now() + HOUR_MS });
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await fire(bench, write)).toEqual([{ code: 'fired' }]);
    expect((await readSchedule(bench)).nextLookMs).toBe(bench.now());
    // A plan that takes note of it is left alone.
    await fire(bench, await aWrite(bench, [], { nextLookMs: bench.now() + HOUR_MS }));
    expect((await readSchedule(bench)).nextLookMs).toBe(bench.now() + HOUR_MS);
  });

  test('a run that its ledger does not count as open brings no look forward', async () => {
    const bench = await openOne(harness);
    await fireOnce(bench, {}, { awaitsEnd: true, nextLookMs: bench.now() + HOUR_MS });
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect((await readSchedule(bench)).nextLookMs).toBe(bench.now() + HOUR_MS);
  });

  test('an ID that nobody knows has ended', async () => {
    const bench = await openOne(harness, { open: ['gone'], awaitsEnd: true, nextLookMs: 1 });
    expect(await openRuns(bench)).toEqual([{ id: 'gone', end: 'gone', endedMs: bench.now() }]);
  });

  test('as many open runs as are allowed are told in order', async () => {
    const bench = await openOne(harness);
    const tasks = manyTasks(MAX_OPEN_RUNS, 'r');
    const open = tasks.map(({ id }) => id).reverse();
    await fireOnce(bench, { tasks }, { open });
    await end(bench, finish.succeeded(await takeOne(bench)));
    const runs = await openRuns(bench);
    expect(runs?.map(({ id }) => id)).toEqual(open);
    expect(runs?.filter((run) => run.end !== null).map(({ id }) => id)).toEqual(['r0']);
  });

  test('a schedule is failing while its newest fire with an end has failed', async () => {
    const bench = await openOne(harness);
    const isFailing = async () => (await readSchedule(bench)).failing;
    await fireOnce(bench);
    await bench.advance(1_000);
    await fireOnce(bench, { tasks: [aTask(), aTask()] });
    const [first, second, third] = await take(bench);
    await end(bench, finish.archive(second!));
    expect(await isFailing()).toBe(true);
    await end(bench, finish.succeeded(third!), finish.succeeded(first!));
    expect(await isFailing()).toBe(true);
    expect((await schedulesOf(bench).counts(['default'], null))[0]).toMatchObject({ failing: 1 });
    await bench.advance(1_000);
    await fireOnce(bench);
    expect(await isFailing()).toBe(true);
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await isFailing()).toBe(false);
  });

  test('those that are failing are listed by name, in pages, until they succeed or are removed', async () => {
    const names = ['d', 'b', 'a', 'c'];
    const bench = await harness.openBench();
    await putAll(bench, ...names.map((name) => aSchedule({ name })));
    for (const name of names) await fireOnce(bench, {}, { name });
    const tasks = await take(bench);
    await end(bench, ...tasks.slice(0, 3).map((task) => finish.archive(task)), finish.succeeded(tasks[3]!));
    expect(await listNames(bench, { failing: true }, { limit: 2 })).toEqual(['a', 'b', 'd']);
    expect(await listNames(bench, { failing: true, owners: ['nobody'] })).toEqual([]);
    expect(await listNames(bench, { failing: false })).toEqual(['c']);
    await schedulesOf(bench).remove([{ queue: 'default', name: 'b' }]);
    await putAll(bench, aSchedule({ name: 'b' }));
    await bench.advance(1_000);
    await fireOnce(bench, {}, { name: 'd' });
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await listNames(bench, { failing: true })).toEqual(['a']);
    expect(await listNames(bench, { failing: false })).toEqual(['b', 'c', 'd']);
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
  });

  test('tasks that lose their worker once too often, expire or are replaced leave no open run behind', async () => {
    const bench = await openOne(harness);
    const id = await fireOpen(bench, true, 1_000);
    await end(bench, finish.archive(await takeOne(bench)));
    await bench.broker.control.run({ queue: 'default', id });
    await end(bench, finish.succeeded(await takeOne(bench)));
    await bench.advance(5_000);
    await bench.broker.maintain.expire([{ queue: 'default', limit: 10 }]);
    expect(await openRuns(bench)).toMatchObject([{ id, end: 'archived' }]);
    await fire(bench, await aWrite(bench, []));
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
  });
}

export function firesSuite(harness: Harness): void {
  describe('fires of schedules', () => {
    writing(harness);
    describe('runs', () => ends(harness));
  });
}
