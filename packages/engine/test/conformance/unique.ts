import { describe, expect, test } from 'vitest';
import type { EnqueueOutcome, NewTask } from '../../src/broker/submit.ts';
import { aTask, finish } from '../support/factories.ts';
import { countsOf, end, forward, recordOf, takeOne, type Bench, type Harness } from './harness.ts';

const HOUR_MS = 3_600_000;
const unique = (id: string, more: Partial<NewTask> = {}) => aTask({ id, uniqueMs: HOUR_MS, ...more });

/** Enqueues tasks in one call. */
async function enqueue({ broker }: Bench, ...tasks: readonly NewTask[]): Promise<EnqueueOutcome[]> {
  return await broker.submit.enqueue(tasks);
}

const duplicateOf = (holder: string) => ({ code: 'duplicate-task', holder });
const CREATED = { code: 'created' };

function duplicates(harness: Harness): void {
  test('a second task with the same type, payload and queue is a duplicate, and is not stored', async () => {
    const bench = await harness.openBench();
    expect(await enqueue(bench, unique('a'))).toMatchObject([CREATED]);
    expect(await enqueue(bench, unique('b'))).toEqual([duplicateOf('a')]);
    expect(await bench.broker.inspect.task({ queue: 'default', id: 'b' })).toBeNull();
    expect(await countsOf(bench)).toEqual({ pending: 1 });
  });

  test.each([
    ['type', { type: 'other' }],
    ['payload', { payload: Buffer.from('{"a":2}') }],
    ['queue', { queue: 'high' }],
    ['business', { meta: { business: 'shop' } }],
  ])('a task with another %s is no duplicate', async (_, more) => {
    const bench = await harness.openBench();
    expect(await enqueue(bench, unique('a'), unique('b', more))).toMatchObject([CREATED, CREATED]);
  });

  test('no payload and an empty payload are different', async () => {
    const bench = await harness.openBench();
    const outcomes = await enqueue(
      bench,
      unique('none', { payload: null }),
      unique('empty', { payload: Buffer.alloc(0) }),
      unique('none again', { payload: null }),
    );
    expect(outcomes).toMatchObject([CREATED, CREATED, duplicateOf('none')]);
  });

  test('the first of equal tasks in one call is stored, and the others are duplicates', async () => {
    const bench = await harness.openBench();
    const tasks = [unique('a'), aTask({ id: 'plain' }), unique('b'), unique('c', { type: 'x' }), unique('d')];
    const a = duplicateOf('a');
    expect(await enqueue(bench, ...tasks)).toMatchObject([CREATED, CREATED, a, CREATED, a]);
  });

  test('within a business a second task is a duplicate', async () => {
    const bench = await harness.openBench();
    const meta = { business: 'shop' };
    const outcomes = await enqueue(bench, unique('shop.a', { meta }), unique('shop.b', { meta }));
    expect(outcomes).toMatchObject([CREATED, duplicateOf('shop.a')]);
  });
}

function releasing(harness: Harness): void {
  test('a taken ID is reported before a duplicate, and leaves no lock behind', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, aTask({ id: 'taken' }));
    expect(await enqueue(bench, unique('taken'))).toEqual([{ code: 'task-exists' }]);
    expect(await enqueue(bench, unique('free'))).toMatchObject([CREATED]);
  });

  test.each([0, 60_000])('the lock is released by a success (retention %i ms)', async (retentionMs) => {
    const bench = await harness.openBench();
    await enqueue(bench, unique('a', { retentionMs }));
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await enqueue(bench, unique('b'))).toMatchObject([CREATED]);
  });

  test('the lock is kept while the task is retried and when it is archived', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, unique('a'));
    await end(bench, finish.retry(await takeOne(bench), 0));
    expect(await enqueue(bench, unique('b'))).toEqual([duplicateOf('a')]);
    await forward(bench);
    await end(bench, finish.archive(await takeOne(bench)));
    expect(await enqueue(bench, unique('b'))).toEqual([duplicateOf('a')]);
  });

  test('an outcome that comes too late does not release the lock', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, unique('a'));
    const first = await takeOne(bench);
    await end(bench, finish.requeue(first));
    await takeOne(bench);
    expect(await end(bench, finish.succeeded(first))).toEqual(['lease-lost']);
    expect(await enqueue(bench, unique('b'))).toEqual([duplicateOf('a')]);
  });

  test.each(['cancel', 'remove'] as const)('the lock is released by %s', async (how) => {
    const bench = await harness.openBench();
    await enqueue(bench, unique('a'));
    const ref = { queue: 'default', id: 'a' };
    if (how === 'cancel') await bench.broker.control.cancel(ref, {});
    else await bench.broker.control.remove(ref);
    expect(await enqueue(bench, unique('b'))).toMatchObject([CREATED]);
  });

  test('the lock expires, and the task that had it does not release the lock of its successor', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, unique('a', { uniqueMs: 1_000 }));
    await bench.advance(1_001);
    // Redis expires locks by its own clock, which the test cannot move.
    await expect
      .poll(async () => (await enqueue(bench, unique('b')))[0], { timeout: 5_000 })
      .toMatchObject(CREATED);
    await end(bench, finish.succeeded(await takeOne(bench)));
    expect(await enqueue(bench, unique('c'))).toEqual([duplicateOf('b')]);
  });

  test('a delayed task holds its lock until it is due, and then for the time of the lock', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, unique('a', { uniqueMs: 1_000, delayMs: HOUR_MS }));
    await bench.advance(1_001);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'scheduled' });
    expect(await enqueue(bench, unique('b'))).toEqual([duplicateOf('a')]);
  });
}

export function uniqueSuite(harness: Harness): void {
  describe('unique', () => {
    duplicates(harness);
    releasing(harness);
  });
}
