import { describe, expect, test } from 'vitest';
import { LATE_MS } from '../../src/broker/schedule-records.ts';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish } from '../support/factories.ts';
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
  type PlannedPut,
} from '../support/schedules.ts';
import { end, takeOne, type Bench, type Harness } from './harness.ts';

const stored = (revision: number) => ({ code: 'stored', revision });

async function openWith(harness: Harness, ...schedules: readonly PlannedPut[]): Promise<Bench> {
  const bench = await harness.openBench();
  const outcomes = await putAll(bench, ...schedules);
  expect(outcomes).toEqual(schedules.map(() => stored(1)));
  return bench;
}

function writing(harness: Harness): void {
  test('a schedule is read as it was written, with the times of the broker', async () => {
    const put = aSchedule({
      name: 'shop-a.daily',
      business: 'shop-a',
      owner: 'häuschen',
      source: 'config',
      calendar: 'cn',
      pauseReason: 'stock-taking',
      spec: '{"cron":"0 8 * * *","text":"\\u0000 日本"}',
      plan: aPlan({ ledger: '[1]', lastFireMs: 1, nextFireMs: 2, nextLookMs: 3, runs: 4, awaitsEnd: true }),
    });
    const bench = await openWith(harness, put);
    const { expectedRevision: _expected, nextFireMs: _next, plan, ...facts } = put;
    const { schedules, nowMs } = await schedulesOf(bench).get(['shop-a.daily', 'none']);
    expect(nowMs).toBe(bench.now());
    expect(schedules[1]).toBeNull();
    expect(schedules[0]).toEqual({
      ...facts,
      ...plan,
      revision: 1,
      stamp: expect.any(Number),
      specStamp: expect.any(Number),
      createdMs: bench.now(),
      changedMs: bench.now(),
      failing: false,
    });
  });

  test('a name that exists is not written anew, in whatever queue', async () => {
    const bench = await openWith(harness, aSchedule());
    const outcomes = await putAll(
      bench,
      aSchedule({ spec: '2' }),
      aSchedule({ queue: 'other', spec: '2' }),
      aSchedule({ name: 'two' }),
    );
    const exists = { code: 'schedule-exists', queue: 'default' };
    expect(outcomes).toEqual([exists, exists, stored(1)]);
    expect(await readSchedule(bench)).toMatchObject({
      revision: 1,
      queue: 'default',
      spec: aSchedule().spec,
    });
  });

  test('names of two businesses never collide', async () => {
    const bench = await openWith(
      harness,
      aSchedule({ name: 'daily' }),
      aSchedule({ name: 'shop-a.daily', business: 'shop-a' }),
      aSchedule({ name: 'shop-b.daily', business: 'shop-b', queue: 'other' }),
    );
    expect((await readSchedule(bench, 'shop-b.daily')).queue).toBe('other');
  });

  test('a new revision replaces only the one that it names', async () => {
    const bench = await openWith(harness, aSchedule());
    const before = await readSchedule(bench);
    await bench.advance(5_000);
    const change = { spec: '2', plan: null } as const;
    expect(await putAll(bench, aSchedule({ ...change, expectedRevision: 1 }))).toEqual([stored(2)]);
    const mismatch = { code: 'version-mismatch', revision: 2 };
    expect(await putAll(bench, aSchedule({ spec: '3', expectedRevision: 1 }))).toEqual([mismatch]);
    expect(await putAll(bench, aSchedule({ name: 'none', expectedRevision: 1 }))).toEqual([
      { code: 'not-found' },
    ]);
    expect(await putAll(bench, aSchedule({ queue: 'other', expectedRevision: 2 }))).toEqual([
      { code: 'not-found' },
    ]);
    const after = await readSchedule(bench);
    expect(after).toMatchObject({
      revision: 2,
      spec: '2',
      createdMs: before.createdMs,
      changedMs: bench.now(),
    });
    expect(after.specStamp).not.toBe(before.specStamp);
    expect(after.stamp).not.toBe(before.stamp);
  });

  test('a new revision keeps the plan, and is looked at now', async () => {
    const plan = aPlan({ ledger: '{"n":7}', nextFireMs: 9e12, nextLookMs: 9e12, runs: 3, open: ['x'] });
    const bench = await openWith(harness, aSchedule({ plan }));
    await putAll(bench, aSchedule({ spec: '2', expectedRevision: 1, nextFireMs: 8e12, plan: null }));
    expect(await readSchedule(bench)).toMatchObject({ ...plan, nextFireMs: 8e12, nextLookMs: bench.now() });
    expect((await schedulesOf(bench).due('default', 10)).schedules).toHaveLength(1);
  });

  test('a new schedule has no plan, and is looked at now', async () => {
    const bench = await openWith(harness, aSchedule({ nextFireMs: 5, plan: null }));
    expect(await readSchedule(bench)).toMatchObject({
      ...aPlan({ ledger: 'null', nextFireMs: 5, nextLookMs: bench.now() }),
      revision: 1,
    });
  });

  test('a put may say when its schedule must be looked at', async () => {
    const laterMs = 60_000;
    const bench = await harness.openBench();
    const { plan: _plan, ...put } = aSchedule({ nextFireMs: bench.now() + laterMs });
    await schedulesOf(bench).put([{ ...put, nextLookMs: bench.now() + laterMs }]);
    const found = await schedulesOf(bench).due('default', 10);
    expect([found.schedules, found.nextLookInMs]).toEqual([[], laterMs]);
    await bench.advance(laterMs);
    expect((await schedulesOf(bench).due('default', 10)).schedules).toMatchObject([{ ledger: 'null' }]);
  });

  test('a new revision keeps what was planned since it was read', async () => {
    const bench = await openWith(harness, aSchedule());
    await fireOnce(bench, {}, { ledger: '"fired"', runs: 1 });
    expect(await putAll(bench, aSchedule({ spec: '2', expectedRevision: 1, plan: null }))).toEqual([
      stored(2),
    ]);
    expect(await readSchedule(bench)).toMatchObject({ spec: '2', ledger: '"fired"', runs: 1 });
  });

  test('what two write at once is written once', async () => {
    const bench = await openWith(harness, aSchedule());
    const edits = Array.from({ length: 8 }, (_, i) =>
      putAll(bench, aSchedule({ spec: String(i), expectedRevision: 1, plan: null })),
    );
    const codes = (await Promise.all(edits)).flat().map(({ code }) => code);
    expect(codes.filter((code) => code === 'stored')).toHaveLength(1);
    expect((await readSchedule(bench)).revision).toBe(2);
  });

  test('a schedule registers its queue, and a queue with schedules is not removed', async () => {
    const bench = await openWith(harness, aSchedule({ queue: 'fresh' }));
    expect(await bench.broker.inspect.queues()).toEqual(['fresh']);
    expect(await bench.broker.control.dropQueue('fresh')).toBe(false);
    await schedulesOf(bench).remove([{ queue: 'fresh', name: 'one' }]);
    expect(await bench.broker.control.dropQueue('fresh')).toBe(true);
    expect(await bench.broker.inspect.queues()).toEqual([]);
  });
}

function removing(harness: Harness): void {
  test('a schedule is removed by its revision, or whatever it is', async () => {
    const bench = await openWith(harness, aSchedule(), aSchedule({ name: 'two' }));
    const { remove } = schedulesOf(bench);
    const one = { queue: 'default', name: 'one' };
    expect(await remove([{ ...one, expectedRevision: 2 }])).toEqual([
      { code: 'version-mismatch', revision: 1 },
    ]);
    expect(await remove([{ ...one, queue: 'other' }])).toEqual([{ code: 'not-found' }]);
    expect(await remove([{ ...one, expectedRevision: 1 }, { ...one, name: 'two' }, one])).toEqual([
      { code: 'removed' },
      { code: 'removed' },
      { code: 'not-found' },
    ]);
    expect((await schedulesOf(bench).get(['one', 'two'])).schedules).toEqual([null, null]);
  });

  test('a new schedule of the same name has nothing of the old one', async () => {
    const bench = await openWith(harness, aSchedule());
    const old = await readSchedule(bench);
    const [id] = await fireOnce(bench, {}, { open: [] });
    const late = await aWrite(bench, [aFire(bench)]);
    await schedulesOf(bench).remove([{ queue: 'default', name: 'one' }]);
    expect((await schedulesOf(bench).fires({ queue: 'default', limit: 10, before: null })).fires).toEqual([]);
    await putAll(bench, aSchedule());
    const fresh = await readSchedule(bench);
    expect(fresh.specStamp).not.toBe(old.specStamp);
    expect(await schedulesOf(bench).fire('default', [late])).toEqual([{ code: 'changed' }]);
    // Its task stays, and its end concerns nobody.
    const task = await takeOne(bench);
    expect(task.id).toBe(id);
    await end(bench, finish.archive(task));
    expect(await readSchedule(bench)).toEqual(fresh);
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
  });
}

function listing(harness: Harness): void {
  test('a filter finds what has quotes, backslashes and line ends, and nothing that only looks like it', async () => {
    const owner = 'a "k":"cn" \\ ü\n';
    const bench = await openWith(harness, aSchedule({ owner }), aSchedule({ name: 'two', calendar: 'cn' }));
    expect(await listNames(bench, { owners: [owner] })).toEqual(['one']);
    expect(await listNames(bench, { calendar: 'cn' })).toEqual(['two']);
  });

  test('lists go by queue and name, in pages', async () => {
    const names = ['a', 'a-1', 'b', 'c', 'd'];
    const bench = await openWith(
      harness,
      ...[...names].reverse().map((name) => aSchedule({ name })),
      aSchedule({ name: 'z', queue: 'other' }),
      aSchedule({ name: 'y', queue: 'third' }),
    );
    const queues = ['third', 'none', 'default'];
    for (const limit of [1, 2, 5, 50])
      expect(await listNames(bench, {}, { queues, limit })).toEqual(['y', ...names]);
    const page = await schedulesOf(bench).list({
      queues,
      limit: 50,
      after: { queue: 'default', name: 'a-0' },
    });
    expect(page).toMatchObject({ next: null, nowMs: bench.now() });
    expect(page.schedules[0]).toEqual(await readSchedule(bench, 'a-1'));
  });

  test('lists go by owner, business, source, calendar and pause', async () => {
    const pauseReason = '';
    const bench = await openWith(
      harness,
      aSchedule({ name: 'a', owner: 'x', business: 'p' }),
      aSchedule({ name: 'b', owner: 'x', source: 'config', pauseReason }),
      aSchedule({ name: 'c', owner: 'y', business: 'q', calendar: 'cn' }),
    );
    expect(await listNames(bench, { owners: ['x'] })).toEqual(['a', 'b']);
    expect(await listNames(bench, { owners: ['x', 'y'], paused: false })).toEqual(['a', 'c']);
    expect(await listNames(bench, { businesses: ['p', 'q'] })).toEqual(['a', 'c']);
    expect(await listNames(bench, { source: 'config' })).toEqual(['b']);
    expect(await listNames(bench, { calendar: 'cn' })).toEqual(['c']);
    expect(await listNames(bench, { paused: true })).toEqual(['b']);
    expect(await listNames(bench, { businesses: [] })).toEqual([]);
    expect(await listNames(bench, { owners: ['x'], source: 'api', paused: true })).toEqual([]);
  });

  test('late are those that wait for their fire for too long and are not paused', async () => {
    const bench = await harness.openBench();
    const plan = aPlan({ nextFireMs: bench.now(), nextLookMs: bench.now() });
    const pauseReason = '';
    await putAll(
      bench,
      aSchedule({ name: 'late', plan }),
      aSchedule({ name: 'paused', plan, pauseReason }),
      aSchedule({ name: 'over' }),
    );
    await bench.advance(LATE_MS);
    expect(await listNames(bench, { late: true })).toEqual([]);
    await bench.advance(1);
    // That somebody looks at it does not make it less late.
    await schedulesOf(bench).due('default', 10);
    expect(await listNames(bench, { late: true })).toEqual(['late']);
    expect(await listNames(bench, { late: false })).toEqual(['over', 'paused']);
  });

  test('counts tell how many there are, per queue and for businesses', async () => {
    const pauseReason = '';
    const bench = await openWith(
      harness,
      aSchedule({ name: 'a', business: 'p' }),
      aSchedule({ name: 'b', business: 'p', pauseReason }),
      aSchedule({ name: 'c', plan: aPlan({ nextFireMs: 1, nextLookMs: 1 }) }),
      aSchedule({ name: 'd', queue: 'other' }),
    );
    const { counts, queuesWithSchedules } = schedulesOf(bench);
    expect(await queuesWithSchedules(['other', 'none', 'default'])).toEqual(['other', 'default']);
    const none = { all: 0, paused: 0, failing: 0, late: 0 };
    expect(await counts(['other', 'default', 'none'], null)).toEqual([
      { ...none, all: 1 },
      { ...none, all: 3, paused: 1, late: 1 },
      none,
    ]);
    expect(await counts(['default'], ['p'])).toEqual([{ ...none, all: 2, paused: 1 }]);
  });

  test('a filter that finds few among many finds all of them', async () => {
    const bench = await openWith(
      harness,
      ...Array.from({ length: 2_600 }, (_, i) =>
        aSchedule({ name: `s${10_000 + i}`, owner: i % 1_300 === 1_299 ? 'rare' : 'often' }),
      ),
    );
    expect(await listNames(bench, { owners: ['rare'] })).toEqual(['s11299', 's12599']);
    expect(await listNames(bench, {}, { limit: 500 })).toHaveLength(2_600);
  });
}

function upcomingFires(harness: Harness): void {
  test('what comes next is listed by time and counted by spans', async () => {
    const bench = await harness.openBench();
    const startMs = bench.now();
    const at = (name: string, afterMs: number, overrides: Partial<PlannedPut> = {}) => {
      const ms = startMs + afterMs;
      return aSchedule({ name, plan: aPlan({ nextFireMs: ms, nextLookMs: ms }), ...overrides });
    };
    await putAll(
      bench,
      at('c', 3_000),
      at('a', 1_000, { business: 'p' }),
      at('b', 2_000, { queue: 'other', owner: 'me' }),
      at('paused', 1_000, { pauseReason: '' }),
      at('elsewhere', 1_000, { queue: 'third' }),
      aSchedule({ name: 'over' }),
    );
    const { upcoming, countUpcoming } = schedulesOf(bench);
    const queues = ['default', 'other'];
    const span = { fromMs: startMs, toMs: startMs + 10_000 };
    const all = await upcoming(queues, { span, limit: 10 });
    expect(all.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(all[1]).toEqual({
      queue: 'other',
      name: 'b',
      business: null,
      owner: 'me',
      nextFireMs: startMs + 2_000,
    });
    expect(await upcoming(queues, { span, limit: 1 })).toEqual(all.slice(0, 1));
    expect(await upcoming(queues, { span, limit: 9, businesses: ['p'] })).toEqual(all.slice(0, 1));
    expect(await upcoming(queues, { span, limit: 1, owners: ['me'] })).toEqual(all.slice(1, 2));
    const spans = [
      { fromMs: startMs, toMs: startMs + 2_000 },
      { fromMs: startMs + 2_000, toMs: startMs + 3_001 },
      { fromMs: startMs + 4_000, toMs: startMs + 9_000 },
    ];
    expect(await countUpcoming(queues, null, spans)).toEqual([1, 2, 0]);
    expect(await countUpcoming(queues, ['p'], spans)).toEqual([1, 0, 0]);
    expect(await countUpcoming([], null, spans)).toEqual([0, 0, 0]);
  });

  test('tasks and schedules of one name have nothing to do with each other', async () => {
    const bench = await openWith(harness, aSchedule());
    await bench.broker.submit.enqueue([aTask({ id: 'one' })]);
    expect(await bench.broker.control.remove({ queue: 'default', id: 'one' })).toMatchObject({
      code: 'done',
    });
    expect((await readSchedule(bench)).revision).toBe(1);
  });
}

export function schedulesSuite(harness: Harness): void {
  describe('schedules', () => {
    describe('writing', () => writing(harness));
    describe('removing', () => removing(harness));
    describe('lists', () => listing(harness));
    describe('what comes next', () => upcomingFires(harness));
  });
}
