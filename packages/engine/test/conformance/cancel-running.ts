import { describe, expect, test } from 'vitest';
import type { Finish, LeasedTask } from '../../src/broker/consume.ts';
import { fsck } from '../../src/control/fsck.ts';
import { aRecord, aTask, finish } from '../support/factories.ts';
import {
  countsOf,
  end,
  factsOf,
  forward,
  idsOf,
  LEASE_OVER_MS,
  recordOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

const A = { queue: 'default', id: 'a' } as const;
const STEP = [{ queue: 'default', limit: 256 }] as const;
const CANCELLATION = { reason: 'ordered twice ü "', by: 'key_1' };

/** A running task `a` whose cancellation was asked for. */
async function requested(bench: Bench, overrides: Parameters<typeof aTask>[0] = {}): Promise<LeasedTask> {
  await bench.broker.submit.enqueue([aTask({ ...A, ...overrides })]);
  const task = await takeOne(bench);
  expect(await bench.broker.control.cancel(A, CANCELLATION)).toEqual({ code: 'requested' });
  return task;
}

/** Expects that the task is cancelled for good: nothing that moves or takes tasks starts it again. */
async function expectNeverAgain(bench: Bench): Promise<void> {
  await bench.advance(61_000);
  expect(await forward(bench)).toMatchObject({ moved: 0 });
  await bench.broker.maintain.expire(STEP);
  expect(await take(bench)).toEqual([]);
  expect(await countsOf(bench)).toEqual({ cancelled: 1 });
}

const FAILURES: readonly (readonly [string, (task: LeasedTask) => Finish])[] = [
  ['failed', (task) => finish.retry(task, 1_000)],
  ['threw what is no failure', (task) => finish.retry(task, 1_000, false)],
  ['failed for good', finish.archive],
  ['was revoked', finish.revoked],
  ['was given back', finish.requeue],
  ['was put off', (task) => finish.defer(task, 1_000)],
];

function ends(harness: Harness): void {
  test.each(FAILURES)('a task that %s ends cancelled, with who, when and why', async (_, ending) => {
    const bench = await harness.openBench();
    const task = await requested(bench);
    const atMs = bench.now();
    await bench.advance(2_000);
    expect(await end(bench, ending(task))).toEqual(['cancelled']);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({
      state: 'cancelled',
      cancelled: { ...CANCELLATION, atMs, wasRunning: true },
      retried: 0,
      crashes: 0,
      attempt: 1,
      dueMs: null,
    });
    expect(record.attempts).toMatchObject([{ number: 1, outcome: 'cancelled' }]);
    expect(record.attempts[0]?.nextMs).toBeUndefined();
    expect(Math.abs((record.finishedMs ?? 0) - bench.now())).toBeLessThan(1_000);
    expect((record.expiresMs ?? 0) - bench.now()).toBeGreaterThanOrEqual(3_600_000);
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 0 });
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
    await expectNeverAgain(bench);
  });

  test('a task that ends within a second of the request has not ended before it', async () => {
    const bench = await harness.openBench();
    await bench.advance(1_900 - (bench.now() % 1_000));
    const task = await requested(bench);
    await end(bench, finish.retry(task, 1_000));
    const { finishedMs, cancelled } = await recordOf(bench, 'a');
    expect(finishedMs).toBeGreaterThanOrEqual(cancelled?.atMs ?? Infinity);
  });

  test('the error that its handler threw stays in the record of its attempt', async () => {
    const bench = await harness.openBench();
    await end(bench, finish.retry(await requested(bench), 1_000));
    const { attempts } = await recordOf(bench, 'a');
    expect(attempts[0]).toMatchObject({ outcome: 'cancelled', error: { message: 'the handler failed' } });
  });

  test.each(['default: retry', 'out of "retries" \\', 'ü'])(
    'the record of its attempt has no reason for a retry: %s',
    async (reason) => {
      const bench = await harness.openBench();
      const retry = finish.retry(await requested(bench), 1_000);
      const record = { ...aRecord(retry.task), nextMs: 5, reason, worker: 'w1' };
      await end(bench, { ...retry, record } as Finish);
      const { nextMs: _, reason: __, ...kept } = record;
      expect((await recordOf(bench, 'a')).attempts).toEqual([{ ...kept, outcome: 'cancelled' }]);
    },
  );

  test('it is kept for its own retention if that is longer, and its unique lock is released', async () => {
    const bench = await harness.openBench();
    const unique = { type: 'one', uniqueMs: 60_000, retentionMs: 7_200_000 };
    const task = await requested(bench, unique);
    const again = aTask({ ...A, id: 'b', ...unique });
    expect(await bench.broker.submit.enqueue([again])).toMatchObject([{ code: 'duplicate-task' }]);
    await end(bench, finish.retry(task, 1_000));
    expect(((await recordOf(bench, 'a')).expiresMs ?? 0) - bench.now()).toBeGreaterThanOrEqual(7_200_000);
    expect(await bench.broker.submit.enqueue([again])).toMatchObject([{ code: 'created' }]);
  });

  test('a task whose worker is lost ends cancelled, and the attempt is told as lost', async () => {
    const bench = await harness.openBench();
    const task = await requested(bench);
    const [outcome] = await bench.recoverAfter(LEASE_OVER_MS, STEP);
    expect(outcome).toMatchObject({ recovered: 0, archived: 0 });
    expect(await recordOf(bench, 'a')).toMatchObject({
      state: 'cancelled',
      cancelled: CANCELLATION,
      attempts: [{ outcome: 'lost' }],
    });
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 0 });
    expect(await end(bench, finish.succeeded(task))).toEqual(['lease-lost']);
    await expectNeverAgain(bench);
  });

  test('only the task that was asked for is cancelled, in a call with others', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(['b', 'a', 'c'].map((id) => aTask({ ...A, id })));
    const tasks = await take(bench);
    await bench.broker.control.cancel(A, {});
    const finishes = tasks.map((task) => finish.retry(task, 60_000));
    expect(await end(bench, ...finishes)).toEqual(['accepted', 'cancelled', 'accepted']);
    expect(await countsOf(bench)).toEqual({ retry: 2, cancelled: 1 });
    expect(await factsOf(bench)).toMatchObject({ processed: 3, failed: 2 });
  });
}

function successes(harness: Harness): void {
  test('a success stands, and the request that came too late is shown with it', async () => {
    const bench = await harness.openBench();
    const task = await requested(bench, { retentionMs: 60_000 });
    expect(await end(bench, finish.succeeded(task, Buffer.from('1')))).toEqual(['accepted']);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'completed', cancelled: CANCELLATION });
    expect(record.attempts).toMatchObject([{ outcome: 'succeeded' }]);
    expect(Buffer.from(record.result ?? '').toString()).toBe('1');
    expect(await bench.broker.control.cancel(A, {})).toEqual({ code: 'wrong-state', state: 'completed' });
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
  });

  test.each([0, 60_000])('a success with a unique lock of %i ms leaves nothing behind', async (uniqueMs) => {
    const bench = await harness.openBench();
    const task = await requested(bench, { uniqueMs });
    expect(await end(bench, finish.succeeded(task))).toEqual(['accepted']);
    expect(await bench.broker.inspect.task(A)).toBeNull();
    await bench.broker.maintain.expire(STEP);
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
    // The ID is free, and the request does not concern another task.
    const next = { ...A, retentionMs: 60_000 };
    expect(await bench.broker.submit.enqueue([aTask(next)])).toMatchObject([{ code: 'created' }]);
    await end(bench, finish.retry(await takeOne(bench), 1_000));
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'retry', cancelled: null });
  });
}

function requests(harness: Harness): void {
  test('a request is shown on the running task, and a second one keeps the first', async () => {
    const bench = await harness.openBench();
    const task = await requested(bench);
    const atMs = bench.now();
    const shown = { state: 'active', cancelled: { ...CANCELLATION, atMs, wasRunning: true } };
    expect(await recordOf(bench, 'a')).toMatchObject(shown);
    await bench.advance(1_000);
    expect(await bench.broker.control.cancel(A, { by: 'key_2' })).toEqual({ code: 'requested' });
    expect(await recordOf(bench, 'a')).toMatchObject(shown);
    expect(await bench.broker.consume.extend([task], 10_000)).toEqual([true]);
    expect(await countsOf(bench)).toEqual({ active: 1 });
    expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
  });

  test('a worker can ask whether a request stands, for each of its tasks', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(['a', 'b'].map((id) => aTask({ ...A, id })));
    const [a, b] = await take(bench);
    expect(await bench.broker.inspect.cancelRequested([a!, b!])).toEqual([false, false]);
    await bench.broker.control.cancel(A, {});
    expect(await bench.broker.inspect.cancelRequested([a!, b!])).toEqual([true, false]);
    await end(bench, finish.retry(a!, 1_000), finish.retry(b!, 1_000));
    expect(await bench.broker.inspect.cancelRequested([a!, { ...a!, queue: 'other' }])).toEqual([
      false,
      false,
    ]);
  });

  test.each(['run', 'archive'] as const)('%s of a cancelled task drops who cancelled it', async (action) => {
    const bench = await harness.openBench();
    await end(bench, finish.retry(await requested(bench), 1_000));
    expect(await bench.broker.control[action](A)).toEqual({ code: 'done', from: 'cancelled' });
    expect((await recordOf(bench, 'a')).cancelled).toBeNull();
    if (action === 'archive') return;
    await end(bench, finish.retry(await takeOne(bench), 1_000));
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'retry', cancelled: null });
  });

  test('a completed task that is run again is not bound by the request that came too late', async () => {
    const bench = await harness.openBench();
    await end(bench, finish.succeeded(await requested(bench, { retentionMs: 60_000 })));
    await bench.broker.control.run(A);
    expect((await recordOf(bench, 'a')).cancelled).toBeNull();
    await end(bench, finish.requeue(await takeOne(bench)));
    expect(idsOf(await take(bench))).toEqual(['a']);
  });

  test('bulk changes meet a cancelled task as one that had not started', async () => {
    const bench = await harness.openBench();
    await end(bench, finish.retry(await requested(bench), 1_000));
    const step = { queue: 'default', action: 'run', state: 'cancelled', limit: 10 } as const;
    expect(await bench.broker.control.changeMany(step)).toEqual({ handled: 1, more: false });
    expect(idsOf(await take(bench))).toEqual(['a']);
  });
}

export function cancelRunningSuite(harness: Harness): void {
  describe('cancelling a running task', () => {
    requests(harness);
    ends(harness);
    successes(harness);
  });
}
