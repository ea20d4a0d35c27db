import { describe, expect, test } from 'vitest';
import { KEEP_FIRES_MS, MAX_FIRES, type FireListRequest, type FireRecord } from '../../src/broker/fires.ts';
import { GroupSearch } from '../../src/worker/aggregate/group-search.ts';
import { aTask, finish } from '../support/factories.ts';
import { aFire, aSchedule, aWrite, fireOnce, putAll, schedulesOf } from '../support/schedules.ts';
import { end, take, takeOne, type Bench, type Harness } from './harness.ts';

async function openWith(harness: Harness, ...names: readonly string[]): Promise<Bench> {
  const bench = await harness.openBench();
  await putAll(bench, ...names.map((name) => aSchedule({ name, owner: `owner of ${name}` })));
  return bench;
}

/** All lines that a request finds, over all pages. */
async function listFires(bench: Bench, request: Partial<FireListRequest> = {}): Promise<FireRecord[]> {
  const found: FireRecord[] = [];
  let { before = null } = request;
  do {
    const page: Awaited<ReturnType<NonNullable<Bench['broker']['schedules']>['fires']>> = await schedulesOf(
      bench,
    ).fires({ queue: 'default', limit: 50, ...request, before });
    found.push(...page.fires);
    before = page.next;
  } while (before);
  return found;
}

function lines(harness: Harness): void {
  test('a fire is a line with its first task, and what is left out is one with a count', async () => {
    const bench = await openWith(harness, 'one');
    const startMs = bench.now();
    await bench.advance(60_000);
    const left = {
      outcome: 'skipped_misfire',
      fireMs: startMs,
      toMs: startMs + 50_000,
      count: 51,
      tasks: [],
    } as const;
    const made = aFire(bench, { fireMs: startMs + 59_000, tasks: [aTask({ id: 'x' }), aTask({ id: 'y' })] });
    await schedulesOf(bench).fire('default', [await aWrite(bench, [left, made])]);
    const common = {
      queue: 'default',
      name: 'one',
      business: null,
      owner: 'owner of one',
      atMs: bench.now(),
      line: expect.any(Number),
      ended: 0,
      end: null,
      endedMs: null,
    };
    expect(await listFires(bench)).toEqual([
      {
        ...common,
        outcome: 'fired',
        fireMs: startMs + 59_000,
        toMs: startMs + 59_000,
        count: 1,
        taskId: 'x',
        tasks: 2,
      },
      { ...common, ...left, taskId: null, tasks: 0 },
    ]);
  });

  test('the end of a run is told when its task is gone', async () => {
    const bench = await openWith(harness, 'one');
    await fireOnce(bench, { tasks: [aTask({ id: 'x' })] });
    await bench.advance(7_000);
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await bench.broker.inspect.task({ queue: 'default', id: 'x' })).toBeNull();
    expect(await listFires(bench)).toMatchObject([
      { taskId: 'x', ended: 1, end: 'completed', endedMs: bench.now() },
    ]);
  });

  test('of several tasks the worst end and the last time are told', async () => {
    const bench = await openWith(harness, 'one');
    await fireOnce(bench, { tasks: [aTask(), aTask(), aTask()] });
    const [first, second, third] = await take(bench);
    await end(bench, finish.archive(second!));
    await bench.advance(1_000);
    await end(bench, finish.succeeded(first!));
    expect(await listFires(bench)).toMatchObject([
      { tasks: 3, ended: 2, end: 'archived', endedMs: bench.now() },
    ]);
    await end(bench, finish.retry(third!, 0));
    expect(await listFires(bench)).toMatchObject([{ ended: 2 }]);
  });

  test('a run that was made a part of an aggregated task is gone', async () => {
    const bench = await openWith(harness, 'one');
    await fireOnce(bench, { tasks: [aTask({ id: 'x', group: 'g' })] });
    const search = new GroupSearch(bench.broker.groups, { graceMs: 0, maxDelayMs: 0, maxSize: 0 });
    const [set] = await search.take('default', 1);
    const content = await bench.broker.groups.read(set!);
    await bench.broker.groups.finish(set!, content!, aTask({ id: 'made' }));
    await bench.advance(1_000);
    expect(await listFires(bench)).toMatchObject([{ taskId: 'x', ended: 1, end: 'gone' }]);
  });

  test('a run that is removed or cancelled is told as well', async () => {
    const bench = await openWith(harness, 'one');
    await fireOnce(bench, { tasks: [aTask({ id: 'x' })] });
    await bench.advance(1_000);
    await fireOnce(bench, { outcome: 'manual', tasks: [aTask({ id: 'y' })] });
    await bench.broker.control.remove({ queue: 'default', id: 'x' });
    await bench.broker.control.cancel({ queue: 'default', id: 'y' }, {});
    expect(await listFires(bench)).toMatchObject([
      { outcome: 'manual', end: 'cancelled' },
      { outcome: 'fired', end: 'gone' },
    ]);
  });
}

function lists(harness: Harness): void {
  test('lines of all schedules are listed by logical time, in pages of any size', async () => {
    const bench = await openWith(harness, 'a', 'b');
    const expected: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      await bench.advance(1_000);
      for (const name of ['a', 'b']) {
        await fireOnce(bench, {}, { name });
        expected.unshift(`${name}${round}`);
      }
    }
    const startMs = bench.now() - 5_000;
    for (const limit of [1, 3, 50]) {
      const found = await listFires(bench, { limit });
      expect(found.map(({ name, fireMs }) => `${name}${(fireMs - startMs) / 1_000}`)).toEqual(expected);
    }
    expect((await listFires(bench, { name: 'a', limit: 2 })).map(({ name }) => name)).toEqual(
      Array(6).fill('a'),
    );
    const span = { fromMs: startMs + 1_000, toMs: startMs + 3_000 };
    expect((await listFires(bench, { span })).map(({ fireMs }) => fireMs - startMs)).toEqual([
      2_000, 2_000, 1_000, 1_000,
    ]);
    // A place without a line is a time: this is how the histories of several queues are merged.
    expect(await listFires(bench, { before: { fireMs: startMs + 2_000 } })).toHaveLength(4);
    expect(await listFires(bench, { queue: 'none' })).toEqual([]);
    expect(await listFires(bench, { name: 'none' })).toEqual([]);
    expect(await listFires(bench, { name: 'a', queue: 'other' })).toEqual([]);
  });

  test('lists go by business, owner, outcome and end', async () => {
    const bench = await openWith(harness, 'a', 'b');
    await putAll(bench, aSchedule({ name: 'p.c', business: 'p' }));
    await fireOnce(bench, {}, { name: 'a' });
    await bench.advance(1_000);
    await fireOnce(bench, { outcome: 'caught_up' }, { name: 'b' });
    await bench.advance(1_000);
    await fireOnce(bench, { outcome: 'skipped_next', tasks: [] }, { name: 'p.c' });
    const [first] = await take(bench);
    await end(bench, finish.archive(first!));
    const names = async (request: Partial<FireListRequest>) =>
      (await listFires(bench, request)).map(({ name }) => name);
    expect(await names({})).toEqual(['p.c', 'b', 'a']);
    expect(await names({ businesses: ['p', 'q'] })).toEqual(['p.c']);
    expect(await names({ businesses: [] })).toEqual([]);
    expect(await names({ owners: ['owner of a', 'owner of b'] })).toEqual(['b', 'a']);
    expect(await names({ outcomes: ['caught_up', 'skipped_next'] })).toEqual(['p.c', 'b']);
    expect(await names({ ends: ['archived', 'cancelled'] })).toEqual(['a']);
    expect(await names({ ends: ['completed'] })).toEqual([]);
    expect(await names({ name: 'b', outcomes: ['fired'] })).toEqual([]);
  });

  test('only the newest lines of a schedule are kept', async () => {
    const bench = await openWith(harness, 'often', 'rare');
    await fireOnce(bench, {}, { name: 'rare' });
    const startMs = bench.now();
    await bench.advance(MAX_FIRES * 1_000 + 30_000);
    for (let from = 0; from < MAX_FIRES + 30; from += 13) {
      const fires = Array.from({ length: 13 }, (_, i) =>
        aFire(bench, { fireMs: startMs + (from + i) * 1_000, tasks: [] }),
      );
      await schedulesOf(bench).fire('default', [await aWrite(bench, fires, { name: 'often' })]);
    }
    const found = await listFires(bench, { name: 'often', limit: 500 });
    expect(found).toHaveLength(MAX_FIRES);
    expect([found[0]!.fireMs, found.at(-1)!.fireMs]).toEqual([startMs + 129_000, startMs + 30_000]);
    expect(await listFires(bench, { name: 'rare' })).toHaveLength(1);
    expect(await listFires(bench)).toHaveLength(MAX_FIRES + 1);
  });

  test('lines are kept for their time', async () => {
    const bench = await openWith(harness, 'one');
    await fireOnce(bench, { tasks: [] });
    await bench.advance(1_000);
    await fireOnce(bench, { tasks: [] });
    await bench.advance(KEEP_FIRES_MS - 500);
    const step = { queue: 'default', limit: 256 };
    expect(await listFires(bench)).toHaveLength(1);
    await bench.broker.maintain.expire([step]);
    expect(await listFires(bench)).toHaveLength(1);
    await bench.advance(1_000);
    await bench.broker.maintain.expire([step]);
    expect(await listFires(bench)).toEqual([]);
  });
}

export function fireHistorySuite(harness: Harness): void {
  describe('the history of schedules', () => {
    lines(harness);
    describe('lists', () => lists(harness));
  });
}
