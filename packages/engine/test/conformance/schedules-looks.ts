import { describe, expect, onTestFinished, test } from 'vitest';
import { HIDE_MS, MAX_AHEAD_MS } from '../../src/broker/schedules.ts';
import { aTask, finish } from '../support/factories.ts';
import {
  aFire,
  aPlan,
  aSchedule,
  aWrite,
  fireOnce,
  readSchedule,
  schedulesOf,
  putAll,
  type PlannedPut,
} from '../support/schedules.ts';
import { end, takeOne, type Bench, type Harness } from './harness.ts';

const HOUR_MS = 3_600_000;

/** Schedules by name, and in how many ms from now they must be looked at. */
async function openWithLooks(
  harness: Harness,
  looks: Readonly<Record<string, number | null>>,
  overrides: Partial<PlannedPut> = {},
): Promise<Bench> {
  const bench = await harness.openBench();
  await putAll(
    bench,
    ...Object.entries(looks).map(([name, inMs]) =>
      aSchedule({
        name,
        ...overrides,
        plan: aPlan({ nextLookMs: inMs === null ? null : bench.now() + inMs }),
      }),
    ),
  );
  return bench;
}

const namesOf = (schedules: readonly { readonly name: string }[]): string[] =>
  schedules.map(({ name }) => name);

async function dueNames(bench: Bench, limit = 256): Promise<string[]> {
  return namesOf((await schedulesOf(bench).due('default', limit)).schedules);
}

function handingOut(harness: Harness): void {
  test('what is due is handed out with its texts, the earliest look first', async () => {
    const bench = await openWithLooks(harness, { later: 10, c: 0, a: -5, never: null });
    const due = await schedulesOf(bench).due('default', 10);
    expect(due).toMatchObject({ queue: 'default', nowMs: bench.now() });
    expect(namesOf(due.schedules)).toEqual(['a', 'c']);
    const { spec, ledger } = await readSchedule(bench, 'a');
    expect(due.schedules[0]).toMatchObject({ spec, ledger, revision: 1, openRuns: [], wasAhead: false });
    expect(due).toMatchObject({ nextLookMs: bench.now() + 10, nextLookInMs: 10 });
  });

  test('nothing is due in a queue without schedules', async () => {
    const bench = await openWithLooks(harness, { a: 0 });
    const due = await schedulesOf(bench).due('none', 10);
    expect(due).toMatchObject({ schedules: [], nextLookMs: null, nextLookInMs: null });
  });

  test('several schedulers each get another part, and the next look tells whether more is due', async () => {
    const looks = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`s${i}`, 0]));
    const bench = await openWithLooks(harness, looks);
    const { due } = schedulesOf(bench);
    const parts = await Promise.all([due('default', 3), due('default', 3), due('default', 3)]);
    expect(parts.map(({ schedules }) => schedules.length)).toEqual([3, 3, 1]);
    expect(new Set(parts.flatMap(({ schedules }) => namesOf(schedules))).size).toBe(7);
    expect(parts.map(({ nextLookInMs }) => nextLookInMs)).toEqual([0, 0, HIDE_MS]);
  });

  test('what a scheduler has not dealt with is handed out again', async () => {
    const bench = await openWithLooks(harness, { a: 0 });
    expect(await dueNames(bench)).toEqual(['a']);
    await bench.advance(HIDE_MS - 1);
    expect(await dueNames(bench)).toEqual([]);
    await bench.advance(1);
    expect(await dueNames(bench)).toEqual(['a']);
  });

  test('a paused schedule is handed out as well: its plan may change', async () => {
    const pauseReason = 'x';
    const bench = await openWithLooks(harness, { a: 0 }, { pauseReason });
    const { schedules } = await schedulesOf(bench).due('default', 10);
    expect(schedules).toMatchObject([{ name: 'a', pauseReason }]);
  });

  test('one call hands out no more than it should carry', async () => {
    const spec = JSON.stringify('x'.repeat(200_000));
    const bench = await openWithLooks(harness, { a: 0, b: 0, c: 0, d: 0 }, { spec });
    const first = await dueNames(bench);
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(4);
    const rest = [...(await dueNames(bench)), ...(await dueNames(bench)), ...(await dueNames(bench))];
    expect([...first, ...rest].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('the next looks of many queues are read at once, and change nothing', async () => {
    const bench = await openWithLooks(harness, { a: 0 });
    await putAll(bench, aSchedule({ name: 'b', queue: 'other', plan: aPlan() }));
    const looks = [
      { queue: 'other', nextLookMs: null, nextLookInMs: null },
      { queue: 'default', nextLookMs: bench.now(), nextLookInMs: 0 },
      { queue: 'none', nextLookMs: null, nextLookInMs: null },
    ];
    const queues = looks.map(({ queue }) => queue);
    expect(await schedulesOf(bench).nextLooks(queues)).toEqual(looks);
    expect(await schedulesOf(bench).nextLooks(queues)).toEqual(looks);
  });

  test('the next look of a queue is known after each write', async () => {
    const bench = await openWithLooks(harness, { a: 0, b: HOUR_MS });
    const store = schedulesOf(bench);
    const nextLookInMs = async () => (await store.nextLookOf('default'))?.nextLookInMs;
    expect(await nextLookInMs()).toBe(0);
    await store.due('default', 10);
    expect(await nextLookInMs()).toBe(HIDE_MS);
    await bench.broker.submit.enqueue([aTask({ queue: 'default' })]);
    expect(await nextLookInMs()).toBe(HIDE_MS);
    await store.remove([{ queue: 'default', name: 'a' }]);
    expect(await nextLookInMs()).toBe(HOUR_MS);
    await store.lookNow([{ queue: 'default', name: 'b' }]);
    expect(await store.nextLookOf('default')).toEqual((await store.nextLooks(['default']))[0]);
    await store.remove([{ queue: 'default', name: 'b' }]);
    expect(await nextLookInMs()).toBe(null);
  });

  test('a look is brought forward, never put off, and only where there is one', async () => {
    const bench = await openWithLooks(harness, { late: -1_000, later: HOUR_MS, never: null, other: HOUR_MS });
    const looks = ['late', 'later', 'never', 'none'].map((name) => ({ queue: 'default', name }));
    await schedulesOf(bench).lookNow([...looks, { queue: 'elsewhere', name: 'other' }]);
    const nowMs = bench.now();
    expect(await readSchedule(bench, 'late')).toMatchObject({ nextLookMs: nowMs - 1_000 });
    expect(await readSchedule(bench, 'later')).toMatchObject({ nextLookMs: nowMs });
    expect(await readSchedule(bench, 'never')).toMatchObject({ nextLookMs: nowMs });
    expect(await readSchedule(bench, 'other')).toMatchObject({ nextLookMs: nowMs + HOUR_MS });
  });
}

function settingBack(harness: Harness): void {
  test('what was planned while the clock was far ahead is handed out at once', async () => {
    const bench = await harness.openBench();
    const put = (name: string, inMs: number | null) =>
      putAll(
        bench,
        aSchedule({ name, plan: aPlan({ nextLookMs: inMs === null ? null : bench.now() + inMs }) }),
      );
    await put('before', 30 * HOUR_MS);
    await bench.advance(10 * HOUR_MS);
    await put('ahead', 1_000);
    await put('over', null);
    expect(await dueNames(bench)).toEqual([]);
    await bench.advance(-10 * HOUR_MS);
    const { schedules } = await schedulesOf(bench).due('default', 10);
    expect(schedules).toMatchObject([{ name: 'ahead', wasAhead: true }]);
    // Once planned anew it waits as any other.
    const write = await aWrite(bench, [], { nextLookMs: bench.now() + HOUR_MS, name: 'ahead' });
    expect(await schedulesOf(bench).fire('default', [write])).toEqual([{ code: 'fired' }]);
    await bench.advance(HIDE_MS);
    expect(await dueNames(bench)).toEqual([]);
    await bench.advance(HOUR_MS);
    expect((await schedulesOf(bench).due('default', 10)).schedules).toMatchObject([
      { name: 'ahead', wasAhead: false },
    ]);
  });

  test('a clock that was a little ahead changes nothing', async () => {
    const bench = await harness.openBench();
    await bench.advance(MAX_AHEAD_MS);
    await putAll(bench, aSchedule({ plan: aPlan({ nextLookMs: bench.now() }) }));
    await bench.advance(-MAX_AHEAD_MS);
    expect(await dueNames(bench)).toEqual([]);
    await bench.advance(MAX_AHEAD_MS);
    expect(await dueNames(bench)).toEqual(['one']);
  });
}

/** A wait for an earlier look than in an hour, which a test can observe. */
function waitForLook(bench: Bench, known: number | null = bench.now() + HOUR_MS, queue = 'default') {
  const stop = new AbortController();
  const wait = { woken: null as readonly string[] | null, done: Promise.resolve(), stop: () => stop.abort() };
  wait.done = schedulesOf(bench)
    .waitForLook([{ queue, nextLookMs: known }], stop.signal)
    .then((woken) => void (wait.woken = woken));
  onTestFinished(async () => {
    stop.abort();
    await wait.done;
  });
  return wait;
}

function waiting(harness: Harness): void {
  test('a wait ends at once when a look is earlier than is known, and by its signal with none', async () => {
    const bench = await openWithLooks(harness, { a: 60_000 });
    const wait = waitForLook(bench);
    await wait.done;
    expect(wait.woken).toEqual(['default']);
    const other = waitForLook(bench, bench.now() + 60_000);
    other.stop();
    await other.done;
    expect(other.woken).toEqual([]);
  });

  test('a wait ends when a schedule is put or must be looked at now, and not when it is planned', async () => {
    const bench = await openWithLooks(harness, { a: HOUR_MS });
    const wait = waitForLook(bench);
    const plan = await aWrite(bench, [], { nextLookMs: bench.now() + 2 * HOUR_MS, name: 'a' });
    await schedulesOf(bench).fire('default', [plan]);
    await bench.broker.ping();
    expect(wait.woken).toBeNull();
    await schedulesOf(bench).lookNow([{ queue: 'default', name: 'a' }]);
    await wait.done;
    const put = waitForLook(bench, bench.now());
    await bench.advance(-1);
    await putAll(bench, aSchedule({ name: 'b', plan: null }));
    await put.done;
    expect([wait.woken, put.woken]).toEqual([['default'], ['default']]);
  });

  test('a wait in a queue without schedules ends with the first one', async () => {
    const bench = await harness.openBench();
    const wait = waitForLook(bench, null);
    await putAll(bench, aSchedule({ queue: 'other', plan: null }));
    await bench.broker.ping();
    expect(wait.woken).toBeNull();
    await putAll(bench, aSchedule({ name: 'first', plan: null }));
    await wait.done;
  });

  test('the end of a run that its schedule waits for ends a wait', async () => {
    const bench = await openWithLooks(harness, { one: HOUR_MS });
    const task = aFire(bench).tasks[0]!;
    const plan = { open: [task.id], awaitsEnd: true, nextLookMs: bench.now() + HOUR_MS };
    await fireOnce(bench, { tasks: [task] }, plan);
    const wait = waitForLook(bench);
    const leased = await takeOne(bench);
    expect(wait.woken).toBeNull();
    await end(bench, finish.succeeded(leased));
    await wait.done;
    expect(wait.woken).toEqual(['default']);
    expect(await dueNames(bench)).toEqual(['one']);
  });

  test('waits end when the broker is closed', async () => {
    const bench = await harness.openBench();
    const wait = waitForLook(bench);
    await bench.broker.ping();
    await bench.broker.close();
    await wait.done;
    await expect(schedulesOf(bench).due('default', 1)).rejects.toMatchObject({ code: 'broker-closed' });
  });
}

export function scheduleLooksSuite(harness: Harness): void {
  describe('looks at schedules', () => {
    handingOut(harness);
    describe('after the clock was set back', () => settingBack(harness));
    describe('waiting', () => waiting(harness));
  });
}
