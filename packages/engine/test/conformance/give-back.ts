import { describe, expect, test } from 'vitest';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish } from '../support/factories.ts';
import {
  countsOf,
  end,
  exchange,
  factsOf,
  forward,
  idsOf,
  recordOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

const REASON = 'no worker; for "this" type';
const HOUR_MS = 3_600_000;

async function deferred(
  bench: Bench,
  task: Parameters<typeof aTask>[0] = {},
  delayMs = 1_501,
): Promise<void> {
  await bench.broker.submit.enqueue([aTask({ id: 'a', ...task })]);
  expect(await end(bench, finish.defer(await takeOne(bench), delayMs, REASON))).toEqual(['accepted']);
}

/** Given back until a time. `requeue` is in `finish.ts`. */
export function giveBackSuite(harness: Harness): void {
  describe('a deferred task', () => {
    test('is scheduled again, to the millisecond, and its attempt does not count', async () => {
      const bench = await harness.openBench();
      await deferred(bench);
      const dueMs = bench.now() + 1_501;
      const counted = { attempt: 0, retried: 0, crashes: 0, deferrals: 1, attempts: [], lastError: null };
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'scheduled', dueMs, ...counted });
      expect(await factsOf(bench)).toMatchObject({ processed: 0, failed: 0 });
      await bench.advance(1_500);
      expect(await forward(bench)).toMatchObject({ moved: 0, nextDueMs: dueMs });
      await bench.advance(1);
      expect(await forward(bench)).toMatchObject({ moved: 1 });
      expect(await takeOne(bench)).toMatchObject({ id: 'a', attempt: 1, retried: 0, crashes: 0 });
    });

    test('says what it waits for until it is taken again', async () => {
      const bench = await harness.openBench();
      await deferred(bench, {}, 0);
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'scheduled', waitingFor: REASON });
      await forward(bench);
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', waitingFor: REASON });
      const again = await takeOne(bench);
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'active', waitingFor: null, deferrals: 1 });
      await end(bench, finish.retry(again, 0));
      await forward(bench);
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', waitingFor: null, attempt: 1 });
    });

    test('says nothing of it once it was cancelled or archived', async () => {
      const bench = await harness.openBench();
      await deferred(bench);
      await bench.broker.control.cancel({ queue: 'default', id: 'a' }, {});
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'cancelled', waitingFor: null });
    });

    test('is counted and listed with the scheduled ones, and comes behind those that are pending', async () => {
      const bench = await harness.openBench();
      await deferred(bench, {}, 0);
      await bench.broker.submit.enqueue([aTask({ id: 'b' })]);
      expect(await countsOf(bench)).toEqual({ scheduled: 1, pending: 1 });
      const page = await bench.broker.inspect.list({
        queue: 'default',
        state: 'scheduled',
        limit: 10,
        cursor: null,
      });
      expect(idsOf(page.tasks)).toEqual(['a']);
      await forward(bench);
      expect(idsOf(await take(bench))).toEqual(['b', 'a']);
    });

    test('may be deferred again and again, and counts it', async () => {
      const bench = await harness.openBench();
      await deferred(bench, {}, 0);
      for (let n = 2; n <= 4; n += 1) {
        await forward(bench);
        const task = await takeOne(bench);
        expect(task).toMatchObject({ attempt: 1 });
        await end(bench, finish.defer(task, 0, `time ${n}`));
        expect(await recordOf(bench, 'a')).toMatchObject({
          deferrals: n,
          attempt: 0,
          waitingFor: `time ${n}`,
        });
      }
    });

    test('keeps the attempts that it had, its retention and its result', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([aTask({ id: 'a', retentionMs: HOUR_MS })]);
      const first = await takeOne(bench);
      await bench.broker.consume.keepResults([{ task: first, result: Buffer.from('half') }]);
      await end(bench, finish.retry(first, 0));
      await forward(bench);
      await end(bench, finish.defer(await takeOne(bench), 0));
      const record = await recordOf(bench, 'a');
      expect(record).toMatchObject({ attempt: 1, retried: 1, deferrals: 1 });
      expect(record.attempts.map(({ number }) => number)).toEqual([1]);
      expect(Buffer.from(record.result ?? '').toString()).toBe('half');
      await forward(bench);
      const again = await takeOne(bench);
      expect(again).toMatchObject({ attempt: 2, retried: 1, retentionMs: HOUR_MS });
      await end(bench, finish.succeeded(again));
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'completed', attempt: 2, deferrals: 1 });
    });

    test('keeps its unique lock', async () => {
      const bench = await harness.openBench();
      await deferred(bench, { uniqueMs: HOUR_MS });
      const [second] = await bench.broker.submit.enqueue([aTask({ id: 'b', uniqueMs: HOUR_MS })]);
      expect(second).toMatchObject({ code: 'duplicate-task' });
      await bench.advance(2_000);
      await forward(bench);
      await end(bench, finish.succeeded(await takeOne(bench)));
      const [third] = await bench.broker.submit.enqueue([aTask({ id: 'b', uniqueMs: HOUR_MS })]);
      expect(third).toMatchObject({ code: 'created' });
    });

    test('is no fault for a check', async () => {
      const bench = await harness.openBench();
      await deferred(bench);
      await bench.broker.submit.enqueue([aTask({ id: 'b' })]);
      await end(bench, finish.defer(await takeOne(bench), 0));
      await forward(bench);
      expect(await fsck(bench.broker, { repair: true })).toMatchObject({ findings: [], mended: 0 });
      expect(await countsOf(bench)).toEqual({ scheduled: 1, pending: 1 });
    });

    test('may end in one call with all other ends, and with a fetch', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue('abcdefg'.split('').map((id) => aTask({ id, retentionMs: 60_000 })));
      const [a, b, c, d, e] = await take(bench, { room: 5 });
      const finishes = [
        finish.defer(a!, 60_000),
        finish.succeeded(b!, Buffer.from('b')),
        finish.requeue(c!),
        finish.archive(d!),
        finish.retry(e!, 60_000),
      ];
      const outcome = await exchange(bench, { finishes, room: 2 });
      expect(outcome.finished).toEqual(Array.from({ length: 5 }, () => 'accepted'));
      expect(idsOf(outcome.tasks)).toEqual(['c', 'f']);
      expect(await countsOf(bench)).toEqual({
        scheduled: 1,
        completed: 1,
        archived: 1,
        retry: 1,
        active: 2,
        pending: 1,
      });
    });
  });
}
