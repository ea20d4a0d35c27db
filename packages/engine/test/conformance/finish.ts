import { describe, expect, test } from 'vitest';
import type { Finish, LeasedTask } from '../../src/broker/consume.ts';
import { aRecord, aSuccess, aTask, finish } from '../support/factories.ts';
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

/** Some brokers store the end of an attempt in whole seconds. */
const SECOND_MS = 1_000;

async function started(bench: Bench, overrides: Parameters<typeof aTask>[0] = {}): Promise<LeasedTask> {
  await bench.broker.submit.enqueue([aTask({ id: 'a', ...overrides })]);
  return takeOne(bench);
}

function successes(harness: Harness): void {
  test('a task that succeeded without retention is removed', async () => {
    const bench = await harness.openBench();
    const task = await started(bench);
    expect(await end(bench, finish.succeeded(task, Buffer.from('result')))).toEqual(['accepted']);
    expect(await bench.broker.inspect.task(task)).toBeNull();
    expect(await countsOf(bench)).toEqual({});
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 0 });
  });

  test('a task that succeeded with retention is kept with its result and its attempt', async () => {
    const bench = await harness.openBench();
    const task = await started(bench, { retentionMs: 60_000 });
    await bench.advance(2_000);
    const result = Buffer.from([0, 255, 10, 13, 34]);
    expect(await end(bench, finish.succeeded(task, result))).toEqual(['accepted']);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({
      state: 'completed',
      attempt: 1,
      retried: 0,
      lastError: null,
      dueMs: null,
    });
    expect(Buffer.from(record.result ?? '')).toEqual(result);
    expect(record.attempts).toEqual([aSuccess(task)]);
    expect(Math.abs((record.finishedMs ?? 0) - bench.now())).toBeLessThan(SECOND_MS);
    const keptMs = (record.expiresMs ?? 0) - bench.now();
    expect(keptMs).toBeGreaterThanOrEqual(60_000);
    expect(keptMs).toBeLessThanOrEqual(61_000);
    expect(await countsOf(bench)).toEqual({ completed: 1 });
  });

  test('a task may succeed without a result, or with an empty one', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(['a', 'b'].map((id) => aTask({ id, retentionMs: 60_000 })));
    const [a, b] = await take(bench);
    await end(bench, finish.succeeded(a!, null), finish.succeeded(b!, Buffer.alloc(0)));
    expect((await recordOf(bench, 'a')).result).toBeNull();
    expect((await recordOf(bench, 'b')).result?.length ?? 0).toBe(0);
  });
}

function stacks(harness: Harness): void {
  test('of the failed attempts the first and the newest keep their stacks', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a', maxRetries: 9 })]);
    const kept = async () => (await recordOf(bench, 'a')).attempts.map(({ error }) => error?.stack ?? null);
    const stackOf = (number: number) => (number === 4 ? undefined : `Error: "${number};"\n    at é${number}`);
    const failed = async (outcome: 'retry' | 'archive') => {
      const task = await takeOne(bench);
      const stack = stackOf(task.attempt);
      const error = { class: 'Error', message: 'failed', ...(stack !== undefined && { stack }) };
      await end(bench, { ...finish[outcome](task, 0), record: aRecord(task, { error }) } as Finish);
      await forward(bench);
    };
    await failed('retry');
    expect(await kept()).toEqual([stackOf(1)]);
    await failed('retry');
    expect(await kept()).toEqual([stackOf(1), stackOf(2)]);
    await failed('retry');
    expect(await kept()).toEqual([stackOf(1), null, stackOf(3)]);
    await failed('retry');
    expect(await kept()).toEqual([stackOf(1), null, stackOf(3), null]);
    await failed('archive');
    expect(await kept()).toEqual([stackOf(1), null, null, null, stackOf(5)]);
    const [listed] = (
      await bench.broker.inspect.list({ queue: 'default', state: 'archived', limit: 10, cursor: null })
    ).tasks;
    expect(listed?.attempts.map(({ error }) => error?.stack ?? null)).toEqual(await kept());
  });
}

function retries(harness: Harness): void {
  test('a retry is due after its delay, to the millisecond, and is counted', async () => {
    const bench = await harness.openBench();
    const task = await started(bench);
    expect(await end(bench, finish.retry(task, 1_501))).toEqual(['accepted']);
    const dueMs = bench.now() + 1_501;
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'retry', retried: 1, attempt: 1, crashes: 0, dueMs });
    expect(record.lastError?.message).toBe('the handler failed');
    expect(Math.abs((record.lastError?.atMs ?? 0) - bench.now())).toBeLessThan(SECOND_MS);
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 1 });
    await bench.advance(1_500);
    expect(await forward(bench)).toMatchObject({ moved: 0, nextDueMs: dueMs, nextInMs: 1 });
    await bench.advance(1);
    expect(await forward(bench)).toMatchObject({ moved: 1 });
    expect(await takeOne(bench)).toMatchObject({ id: 'a', attempt: 2, retried: 1, crashes: 0 });
  });

  test('a retry without delay may be forwarded at once', async () => {
    const bench = await harness.openBench();
    await end(bench, finish.retry(await started(bench), 0));
    expect(await forward(bench)).toMatchObject({ moved: 1 });
    expect(await takeOne(bench)).toMatchObject({ attempt: 2 });
  });

  test('a retry without a failure counts neither as a retry nor as a failure', async () => {
    const bench = await harness.openBench();
    const task = await started(bench);
    expect(await end(bench, finish.retry(task, 0, false))).toEqual(['accepted']);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'retry', retried: 0 });
    expect(await factsOf(bench)).toMatchObject({ failed: 0 });
    await forward(bench);
    expect(await takeOne(bench)).toMatchObject({ retried: 0, attempt: 2 });
  });

  test('of many attempts the first and the last 49 are kept, in order', async () => {
    const bench = await harness.openBench();
    let task = await started(bench, { maxRetries: 100 });
    for (let n = 1; n < 60; n += 1) {
      await end(bench, finish.retry(task, 0));
      await forward(bench);
      task = await takeOne(bench);
    }
    await end(bench, finish.archive(task));
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'archived', attempt: 60, retried: 59 });
    const lastOnes = Array.from({ length: 49 }, (_, i) => 12 + i);
    expect(record.attempts.map(({ number }) => number)).toEqual([1, ...lastOnes]);
  });

  test('the fields of a task survive its retries unchanged', async () => {
    const bench = await harness.openBench();
    const payload = Buffer.from([0, 1, 255, 8, 9, 10]);
    const given = { type: 'ü', headers: { a: 'b' }, retentionMs: 60_000, deadlineMs: 4_102_444_800_000 };
    let task = await started(bench, { ...given, payload, maxRetries: 20, meta: { business: 'shop' } });
    for (let n = 1; n <= 12; n += 1) {
      await end(bench, finish.retry(task, 0));
      await forward(bench);
      task = await takeOne(bench);
    }
    expect(task).toMatchObject({ ...given, maxRetries: 20, retried: 12, meta: { business: 'shop' } });
    expect(Buffer.from(task.payload ?? '')).toEqual(payload);
    await end(bench, finish.succeeded(task));
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'completed', retried: 12, attempt: 13 });
  });

  test('a record has the newest error, with all its characters', async () => {
    const bench = await harness.openBench();
    const task = await started(bench);
    const message = 'über\nzwei Zeilen\t"x" 🚚';
    const record = aRecord(task, { error: { class: 'E', message } });
    await end(bench, { task, outcome: 'retry', delayMs: 0, countsAsFailure: true, record });
    expect((await recordOf(bench, 'a')).lastError?.message).toBe(message);
    await forward(bench);
    const second = await takeOne(bench);
    const last = aRecord(second, { error: { class: 'E', message: 'the last' } });
    await end(bench, { task: second, outcome: 'archive', record: last });
    expect((await recordOf(bench, 'a')).lastError?.message).toBe('the last');
  });
}

function endings(harness: Harness): void {
  test('an archived task keeps its error and its attempt, and is never taken', async () => {
    const bench = await harness.openBench();
    const task = await started(bench);
    expect(await end(bench, finish.archive(task))).toEqual(['accepted']);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'archived', attempt: 1, retried: 0, result: null });
    expect(record.lastError?.message).toBe('the handler failed');
    expect(record.attempts).toEqual([aRecord(task)]);
    expect(Math.abs((record.finishedMs ?? 0) - bench.now())).toBeLessThan(SECOND_MS);
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 1, counts: { archived: 1 } });
    expect(await take(bench)).toEqual([]);
  });

  test('a requeued task is the next to run, and its attempt does not count', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
    const a = await takeOne(bench);
    expect(await end(bench, finish.requeue(a))).toEqual(['accepted']);
    expect(await recordOf(bench, 'a')).toMatchObject({
      state: 'pending',
      attempt: 0,
      deferrals: 1,
      retried: 0,
      crashes: 0,
      attempts: [],
    });
    expect(await factsOf(bench)).toMatchObject({ processed: 0, failed: 0 });
    const again = await take(bench);
    expect(idsOf(again)).toEqual(['a', 'b']);
    expect(again[0]).toMatchObject({ attempt: 1, retried: 0, crashes: 0 });
  });

  test('a revoked task is removed despite its retention, and counts only as processed', async () => {
    const bench = await harness.openBench();
    const task = await started(bench, { retentionMs: 60_000 });
    expect(await end(bench, finish.revoked(task))).toEqual(['accepted']);
    expect(await bench.broker.inspect.task(task)).toBeNull();
    expect(await countsOf(bench)).toEqual({});
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 0 });
  });

  test('counters add up over outcomes', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue('abcdef'.split('').map((id) => aTask({ id })));
    const [a, b, c, d, e, f] = await take(bench);
    await end(bench, finish.succeeded(a!), finish.succeeded(b!), finish.retry(c!, 9_000), finish.archive(d!));
    await end(bench, finish.requeue(e!), finish.retry(f!, 9_000, false));
    expect(await factsOf(bench)).toMatchObject({ processed: 4, failed: 2 });
    expect(await factsOf(bench, 'other')).toMatchObject({ processed: 0, failed: 0 });
  });
}

const ENDINGS: readonly [string, (task: LeasedTask) => Finish][] = [
  ['success', (task) => finish.succeeded(task, Buffer.from('stale'))],
  ['retry', (task) => finish.retry(task, 0)],
  ['archiving', (task) => finish.archive(task)],
  ['revoking', (task) => finish.revoked(task)],
  ['requeueing', (task) => finish.requeue(task)],
  ['deferring', (task) => finish.defer(task, 0)],
];

const text = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString();

function earlyResults(harness: Harness): void {
  const keep = ({ broker }: Bench, task: LeasedTask, result: string) =>
    broker.consume.keepResults([{ task, result: Buffer.from(result) }]);

  test('a result can be read while its attempt runs, and the last one is kept', async () => {
    const bench = await harness.openBench();
    const task = await started(bench, { retentionMs: 60_000 });
    for (const result of ['half', 'more']) {
      expect(await keep(bench, task, result)).toEqual([true]);
      const record = await recordOf(bench, 'a');
      expect([record.state, text(record.result)]).toEqual(['active', result]);
    }
    await end(bench, finish.succeeded(task, null));
    expect(text((await recordOf(bench, 'a')).result)).toBe('more');
  });

  test('a success with a result replaces an earlier result', async () => {
    const bench = await harness.openBench();
    const task = await started(bench, { retentionMs: 60_000 });
    await keep(bench, task, 'early');
    await end(bench, finish.succeeded(task, Buffer.from('last')));
    expect(text((await recordOf(bench, 'a')).result)).toBe('last');
  });

  test('a result survives a retry, and is removed with its task', async () => {
    const bench = await harness.openBench();
    const task = await started(bench);
    await keep(bench, task, 'first attempt');
    await end(bench, finish.retry(task, 0));
    expect(text((await recordOf(bench, 'a')).result)).toBe('first attempt');
    await forward(bench);
    const again = await takeOne(bench);
    await end(bench, finish.succeeded(again));
    expect(await bench.broker.inspect.task(task)).toBeNull();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    expect((await recordOf(bench, 'a')).result).toBeNull();
  });

  test('each result gets its own answer, and a lost lease writes nothing', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'a' }),
      aTask({ id: 'b' }),
      aTask({ id: 'c', queue: 'q' }),
    ]);
    const [a, b] = await take(bench);
    const c = await takeOne(bench, { queues: ['q'] });
    await end(bench, finish.succeeded(b!));
    const wrong = { ...c, token: (c.token % 999_999) + 1 };
    const results = [wrong, a!, b!].map((task) => ({ task, result: Buffer.from('r') }));
    expect(await bench.broker.consume.keepResults(results)).toEqual([false, true, false]);
    expect((await recordOf(bench, 'c', 'q')).result).toBeNull();
    expect(await bench.broker.inspect.task(b!)).toBeNull();
    expect(await bench.broker.consume.keepResults([])).toEqual([]);
  });

  test('one call takes several results of the maximum size', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue('abcde'.split('').map((id) => aTask({ id })));
    const tasks = await take(bench);
    const results = tasks.map((task, i) => ({ task, result: Buffer.alloc(262_144, i) }));
    expect(await bench.broker.consume.keepResults(results)).toEqual([true, true, true, true, true]);
    expect((await recordOf(bench, 'e')).result?.[262_143]).toBe(4);
  });
}

function tokens(harness: Harness): void {
  test.each(ENDINGS)('a stale lease is refused for %s while no worker holds the task', async (_, ending) => {
    const bench = await harness.openBench();
    const stale = await started(bench, { retentionMs: 60_000 });
    await bench.recoverAfter(LEASE_OVER_MS, [{ queue: 'default', limit: 10 }]);
    const before = [await recordOf(bench, 'a'), await factsOf(bench)];
    expect(await end(bench, ending(stale))).toEqual(['lease-lost']);
    expect([await recordOf(bench, 'a'), await factsOf(bench)]).toEqual(before);
  });

  test.each(ENDINGS)(
    'a stale lease is refused for %s while another worker holds the task',
    async (_, ending) => {
      const bench = await harness.openBench();
      const stale = await started(bench, { retentionMs: 60_000 });
      await bench.recoverAfter(LEASE_OVER_MS, [{ queue: 'default', limit: 10 }]);
      const holder = await takeOne(bench, { worker: 'worker-2' });
      const before = [await recordOf(bench, 'a'), await factsOf(bench)];
      expect(await end(bench, ending(stale))).toEqual(['lease-lost']);
      expect([await recordOf(bench, 'a'), await factsOf(bench)]).toEqual(before);
      expect(await end(bench, finish.succeeded(holder, Buffer.from('fresh')))).toEqual(['accepted']);
      expect(Buffer.from((await recordOf(bench, 'a')).result ?? '').toString()).toBe('fresh');
    },
  );

  test('a refused finish does not affect the others in its call', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
    const [a, b] = await take(bench);
    const wrong = { ...a!, token: (a!.token % 999_999) + 1 };
    expect(await end(bench, finish.succeeded(wrong), finish.succeeded(b!))).toEqual([
      'lease-lost',
      'accepted',
    ]);
    expect(await countsOf(bench)).toEqual({ active: 1 });
  });
}

export function finishSuite(harness: Harness): void {
  describe('finishing', () => {
    successes(harness);
    retries(harness);
    stacks(harness);
    endings(harness);
    earlyResults(harness);
    tokens(harness);
  });
}
