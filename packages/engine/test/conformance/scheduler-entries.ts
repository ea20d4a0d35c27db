import { describe, expect, test } from 'vitest';
import { MAX_EVENTS, type EntryRecord } from '../../src/broker/scheduler-entries.ts';
import type { Bench, Harness } from './harness.ts';

const TTL_MS = 20_000;
const SCHEDULER = 'häuschen.example:7:3c0ffee0-0000-4000-8000-000000000001';
const OTHER_SCHEDULER = 'h:8:3c0ffee0-0000-4000-8000-000000000002';

function anEntry(bench: Bench, overrides: Partial<EntryRecord> = {}): EntryRecord {
  return {
    id: '3c0ffee0-0000-4000-8000-00000000000a',
    spec: '@every 30s',
    type: 'test:run',
    payload: Buffer.from([0, 255]),
    options: ['Queue("lów")', 'MaxRetry(3)'],
    nextMs: bench.now() + 30_000,
    prevMs: bench.now() - 5,
    ...overrides,
  };
}

/** All entries, sorted by ID. */
async function readEntries({ broker }: Bench): Promise<EntryRecord[]> {
  const entries = await broker.schedulerEntries.entries();
  return entries
    .map((entry) => ({ ...entry, payload: entry.payload && Buffer.from(entry.payload) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

const write = (bench: Bench, scheduler: string, entries: readonly EntryRecord[]) =>
  bench.broker.schedulerEntries.writeEntries(scheduler, { entries, ttlMs: TTL_MS });

function entriesSuite(harness: Harness): void {
  test('no scheduler is known at first', async () => {
    expect(await readEntries(await harness.openBench())).toEqual([]);
  });

  test('entries are read as they were written', async () => {
    const bench = await harness.openBench();
    const entries = [
      anEntry(bench),
      anEntry(bench, { id: 'b', payload: null, options: [], nextMs: null, prevMs: null }),
    ];
    await write(bench, SCHEDULER, entries);
    expect(await readEntries(bench)).toEqual(entries);
  });

  test('new entries of a scheduler replace its earlier ones, and other schedulers keep theirs', async () => {
    const bench = await harness.openBench();
    const [a, b, c] = [anEntry(bench, { id: 'a' }), anEntry(bench, { id: 'b' }), anEntry(bench, { id: 'c' })];
    await write(bench, SCHEDULER, [a, b]);
    await write(bench, OTHER_SCHEDULER, [c]);
    await write(bench, SCHEDULER, [b]);
    expect(await readEntries(bench)).toEqual([b, c]);
    await write(bench, SCHEDULER, []);
    expect(await readEntries(bench)).toEqual([c]);
  });

  test('clearing a scheduler removes only its own entries, and may be repeated', async () => {
    const bench = await harness.openBench();
    const [a, b] = [anEntry(bench, { id: 'a' }), anEntry(bench, { id: 'b' })];
    await write(bench, SCHEDULER, [a]);
    await write(bench, OTHER_SCHEDULER, [b]);
    await bench.broker.schedulerEntries.clearEntries(SCHEDULER);
    await bench.broker.schedulerEntries.clearEntries(SCHEDULER);
    expect(await readEntries(bench)).toEqual([b]);
  });

  test('entries expire unless their scheduler writes them again', async () => {
    const bench = await harness.openBench();
    const [a, b] = [anEntry(bench, { id: 'a' }), anEntry(bench, { id: 'b' })];
    await write(bench, SCHEDULER, [a]);
    await write(bench, OTHER_SCHEDULER, [b]);
    await bench.advance(TTL_MS / 2);
    await write(bench, OTHER_SCHEDULER, [b]);
    expect(await readEntries(bench)).toHaveLength(2);
    // As in Asynq, entries expire at a whole second and are still valid in that second.
    await bench.advance(TTL_MS / 2 + 1_000);
    expect(await readEntries(bench)).toEqual([b]);
  });

  test('a thousand entries with payloads can be read', async () => {
    const bench = await harness.openBench();
    const payload = Buffer.alloc(1_024, 7);
    const entries = Array.from({ length: 1_000 }, (_, i) => anEntry(bench, { id: `e${1_000 + i}`, payload }));
    await write(bench, SCHEDULER, entries);
    await write(bench, SCHEDULER, entries);
    const found = await readEntries(bench);
    expect(found.map(({ id }) => id)).toEqual(entries.map(({ id }) => id));
    expect(found.every((entry) => payload.equals(entry.payload ?? Buffer.of()))).toBe(true);
  });
}

function eventsSuite(harness: Harness): void {
  const record = (bench: Bench, entry: string, taskId: string) =>
    bench.broker.schedulerEntries.recordEvent(entry, { taskId, atMs: bench.now() });

  test('the history of an entry is listed newest first, in pages', async () => {
    const bench = await harness.openBench();
    const { schedulerEntries } = bench.broker;
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await record(bench, 'one', id);
      await bench.advance(1_000);
    }
    await record(bench, 'other', 'x');
    const ids = async (page: number) =>
      (await schedulerEntries.events('one', { page, pageSize: 2 })).map(({ taskId }) => taskId);
    expect([await ids(1), await ids(2), await ids(3), await ids(4)]).toEqual([
      ['e', 'd'],
      ['c', 'b'],
      ['a'],
      [],
    ]);
    const [event] = await schedulerEntries.events('other', { page: 1, pageSize: 10 });
    expect(event).toEqual({ taskId: 'x', atMs: bench.now() });
    expect(await schedulerEntries.events('unknown', { page: 1, pageSize: 10 })).toEqual([]);
  });

  test('an event that is recorded twice is stored once', async () => {
    const bench = await harness.openBench();
    await record(bench, 'one', 'a');
    await record(bench, 'one', 'a');
    expect(await bench.broker.schedulerEntries.events('one', { page: 1, pageSize: 10 })).toHaveLength(1);
  });

  test('only the newest events are kept', async () => {
    const bench = await harness.openBench();
    const { schedulerEntries } = bench.broker;
    const startMs = bench.now();
    const recordings = Array.from({ length: MAX_EVENTS + 5 }, (_, i) =>
      schedulerEntries.recordEvent('one', { taskId: `t${i}`, atMs: startMs + i * 1_000 }),
    );
    await Promise.all(recordings);
    const kept = await schedulerEntries.events('one', { page: 1, pageSize: MAX_EVENTS + 5 });
    expect(kept).toHaveLength(MAX_EVENTS);
    expect([kept[0]?.taskId, kept.at(-1)?.taskId]).toEqual([`t${MAX_EVENTS + 4}`, 't5']);
  });

  test('clearing histories leaves the others as they are', async () => {
    const bench = await harness.openBench();
    const { schedulerEntries } = bench.broker;
    for (const entry of ['one', 'two', 'three']) await record(bench, entry, 'a');
    await schedulerEntries.clearEvents(['one', 'three', 'unknown']);
    const count = async (entry: string) =>
      (await schedulerEntries.events(entry, { page: 1, pageSize: 9 })).length;
    expect([await count('one'), await count('two'), await count('three')]).toEqual([0, 1, 0]);
    await schedulerEntries.clearEvents([]);
  });
}

export function schedulerEntriesSuite(harness: Harness): void {
  describe('scheduler entries', () => {
    entriesSuite(harness);
    eventsSuite(harness);
  });
}
