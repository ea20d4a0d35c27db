import { describe, expect, test } from 'vitest';
import type { AttemptNotes, LeasedTask } from '../../src/broker/consume.ts';
import {
  encodeLine,
  encodeProgress,
  MAX_KEPT_LINES,
  MAX_KEPT_LOG_BYTES,
  type TaskLog,
} from '../../src/task/task-notes.ts';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish } from '../support/factories.ts';
import { end, LEASE_OVER_MS, recordOf, take, takeOne, type Bench, type Harness } from './harness.ts';

const line = (message: string): string =>
  encodeLine({ atMs: 1, level: 'info', message, attempt: 1, fields: {} });

const progress = (percent: number): string => encodeProgress({ percent, message: 'm', atMs: 2 });

/** Notes of a task, each with a default: no progress, no lines. */
const notes = (task: LeasedTask, given: Partial<AttemptNotes>): AttemptNotes => ({
  task,
  progress: null,
  lines: [],
  skipped: 0,
  ...given,
});

const logOf = async ({ broker }: Bench, id = 'a'): Promise<TaskLog> => {
  const log = await broker.inspect.log({ queue: 'default', id });
  if (!log) throw new Error(`there is no task ${id}`);
  return log;
};
const messagesOf = async (bench: Bench, id = 'a') =>
  (await logOf(bench, id)).lines.map(({ message }) => message);

async function started(bench: Bench, retentionMs = 60_000): Promise<LeasedTask> {
  await bench.broker.submit.enqueue([aTask({ id: 'a', retentionMs })]);
  return takeOne(bench);
}

/** Progress and log lines that attempts keep with their tasks. */
export function notesSuite(harness: Harness): void {
  describe('notes of attempts', () => {
    test('a task has none at first, and one that does not exist has no log', async () => {
      const bench = await harness.openBench();
      await started(bench);
      expect(await recordOf(bench, 'a')).toMatchObject({ progress: null });
      expect(await logOf(bench)).toEqual({ lines: [], dropped: 0 });
      expect(await bench.broker.inspect.log({ queue: 'default', id: 'b' })).toBeNull();
      expect(await bench.broker.inspect.log({ queue: 'never', id: 'a' })).toBeNull();
    });

    test('are shown while the attempt runs; new progress replaces the old, new lines follow the old', async () => {
      const bench = await harness.openBench();
      const task = await started(bench);
      const { keepNotes } = bench.broker.consume;
      expect(
        await keepNotes([notes(task, { progress: progress(10), lines: [line('a'), line('b\nü')] })]),
      ).toEqual([true]);
      expect(await keepNotes([notes(task, { lines: [line('c')] })])).toEqual([true]);
      expect((await recordOf(bench, 'a')).progress).toEqual({ percent: 10, message: 'm', atMs: 2 });
      expect(await keepNotes([notes(task, { progress: progress(20) })])).toEqual([true]);
      expect((await recordOf(bench, 'a')).progress).toMatchObject({ percent: 20 });
      expect(await messagesOf(bench)).toEqual(['a', 'b\nü', 'c']);
      expect((await logOf(bench)).lines[0]).toEqual({
        atMs: 1,
        level: 'info',
        message: 'a',
        attempt: 1,
        fields: {},
      });
    });

    test('stay with the task through retries, its end and its archive', async () => {
      const bench = await harness.openBench();
      const first = await started(bench);
      await bench.broker.consume.keepNotes([notes(first, { progress: progress(10), lines: [line('a')] })]);
      await end(bench, finish.requeue(first));
      const second = await takeOne(bench);
      await bench.broker.consume.keepNotes([notes(second, { lines: [line('b')] })]);
      await end(bench, finish.archive(second));
      expect(await messagesOf(bench)).toEqual(['a', 'b']);
      await bench.broker.control.run({ queue: 'default', id: 'a' });
      await end(bench, finish.succeeded(await takeOne(bench)));
      expect(await recordOf(bench, 'a')).toMatchObject({ state: 'completed', progress: { percent: 10 } });
      expect(await messagesOf(bench)).toEqual(['a', 'b']);
    });

    test.each<[string, (bench: Bench, task: LeasedTask) => Promise<unknown>]>([
      ['succeeds without a retention', (bench, task) => end(bench, finish.succeeded(task))],
      ['is revoked', (bench, task) => end(bench, finish.revoked(task))],
      [
        'is removed',
        async (bench, task) => {
          await end(bench, finish.requeue(task));
          await bench.broker.control.remove({ queue: 'default', id: 'a' });
        },
      ],
      [
        'is over its retention',
        async (bench, task) => {
          await end(bench, finish.succeeded(task));
          await bench.advance(120_000);
          await bench.broker.maintain.expire([{ queue: 'default', limit: 256 }]);
        },
      ],
    ])('are gone with a task that %s, and a new task with its ID has none', async (how, removeTask) => {
      const bench = await harness.openBench();
      const task = await started(bench, how.includes('without') ? 0 : 60_000);
      await bench.broker.consume.keepNotes([notes(task, { progress: progress(10), lines: [line('a')] })]);
      await removeTask(bench, task);
      expect(await bench.broker.inspect.log({ queue: 'default', id: 'a' })).toBeNull();
      await started(bench);
      expect(await recordOf(bench, 'a')).toMatchObject({ progress: null });
      expect(await logOf(bench)).toEqual({ lines: [], dropped: 0 });
      expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
    });

    test('of a lost lease are refused, each for itself', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
      const [a, b] = await take(bench);
      const lost = { ...a!, token: (a!.token % 999_999) + 1 };
      const given = { progress: progress(1), lines: [line('x')] };
      const ended = { ...b!, id: 'never' };
      expect(
        await bench.broker.consume.keepNotes([notes(lost, given), notes(b!, given), notes(ended, given)]),
      ).toEqual([false, true, false]);
      expect(await messagesOf(bench, 'a')).toEqual([]);
      expect(await messagesOf(bench, 'b')).toEqual(['x']);
      await bench.recoverAfter(LEASE_OVER_MS, [{ queue: 'default', limit: 256 }]);
      expect(await bench.broker.consume.keepNotes([notes(b!, given)])).toEqual([false]);
      expect(await bench.broker.consume.keepNotes([])).toEqual([]);
    });

    test('of the log the newest lines are kept, and the others counted', async () => {
      const bench = await harness.openBench();
      const task = await started(bench);
      const { keepNotes } = bench.broker.consume;
      const lines = Array.from({ length: MAX_KEPT_LINES }, (_, n) => line(`${n}`));
      await keepNotes([notes(task, { lines: lines.slice(0, 600) })]);
      await keepNotes([notes(task, { lines })]);
      const log = await logOf(bench);
      expect(log).toMatchObject({ dropped: 600 });
      expect(log.lines.map(({ message }) => message)).toEqual(lines.map((_, n) => `${n}`));
      await keepNotes([notes(task, { lines: [line('after')], skipped: 5 })]);
      expect(await logOf(bench)).toMatchObject({ dropped: 1_605, lines: [{ message: 'after' }] });
    });

    test('of the log no more bytes are kept than the bound, counted in UTF-8', async () => {
      const bench = await harness.openBench();
      const task = await started(bench);
      const lines = Array.from({ length: 10 }, (_, n) => line(`${n}${'ü'.repeat(8_000)}`));
      for (let n = 0; n < 3; n += 1) await bench.broker.consume.keepNotes([notes(task, { lines })]);
      const log = await logOf(bench);
      const kept = Math.floor(MAX_KEPT_LOG_BYTES / (Buffer.byteLength(lines[0]!) + 1));
      expect(log.lines).toHaveLength(kept);
      expect(log.dropped).toBe(30 - kept);
      expect(log.lines.at(-1)?.message.startsWith('9')).toBe(true);
    });
  });
}
