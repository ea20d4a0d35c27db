import { describe, expect, test } from 'vitest';
import { failedFinish, type FailedAttempt } from './failed-finish.ts';

const backoff = { kind: 'fixed', delayMs: 1_000, jitter: 0 } as const;
const record = { number: 1, startedMs: 5, finishedMs: 10, outcome: 'failed' } as const;
const aTask = (meta = {}) => ({ retried: 0, maxRetries: 1, meta });

function finish(
  task: ReturnType<typeof aTask>,
  { hints = {}, isFailure = () => true }: Partial<FailedAttempt> = {},
) {
  return failedFinish(task, { record, hints, isFailure }, { backoff, nowMs: 10, chance: 0 });
}

describe('a failed attempt', () => {
  test('is retried after the backoff, and its record says why and when', () => {
    const task = aTask();
    expect(finish(task)).toEqual({
      outcome: 'retry',
      task,
      record: { ...record, reason: 'default: retry', nextMs: 1_010 },
      delayMs: 1_000,
      countsAsFailure: true,
    });
  });

  test('is retried without being counted if it is no failure', () => {
    expect(finish(aTask(), { isFailure: () => false })).toMatchObject({ countsAsFailure: false });
  });

  test.each([
    ['own', { kind: 'fixed', delayMs: 7, jitter: 0 }, 7],
    ['damaged', { kind: 'fixed' }, 1_000],
  ])('waits by the task’s backoff if it can be read: %s', (_, own, delayMs) => {
    expect(finish(aTask({ backoff: own }))).toMatchObject({ delayMs });
  });

  test('says so if the task’s backoff cannot be read, and what its handler noted', () => {
    const reason = "default: retry; the task's own backoff is not readable: the worker's counts";
    expect(finish(aTask({ backoff: { kind: 'fixed' } }))).toMatchObject({ record: { reason } });
    const noted = { record: { ...record, reason: 'noted' }, hints: {}, isFailure: () => true };
    expect(failedFinish(aTask(), noted, { backoff, nowMs: 10, chance: 0 })).toMatchObject({
      record: { reason: 'default: retry; noted' },
    });
  });

  test.each([
    ['api', { kind: 'fixed', delayMs: 7, jitter: 0 }, 1_000],
    ['api', { kind: 'list', delaysMs: [], jitter: 0 }, 1_000],
    ['api', { kind: 'fixed', delayMs: 2_000, jitter: 0 }, 2_000],
    ['client', { kind: 'fixed', delayMs: 7, jitter: 0 }, 7],
  ])('of a task from %s with the backoff %j waits %i ms', (origin, own, delayMs) => {
    const found = finish(aTask({ origin, backoff: own }));
    expect(found).toMatchObject({ delayMs, record: { nextMs: 10 + delayMs } });
  });

  test('of a task over HTTP without a backoff of its own waits by that of the worker', () => {
    const inputs = { backoff: { ...backoff, delayMs: 5 }, nowMs: 10, chance: 0 };
    const failed = { record, hints: {}, isFailure: () => true };
    expect(failedFinish(aTask({ origin: 'api' }), failed, inputs)).toMatchObject({ delayMs: 5 });
  });

  test('archives the task when its retries are used up, and asks for nothing else', () => {
    const task = { ...aTask(), retried: 1 };
    const isFailure = () => {
      throw new Error('asked');
    };
    const reason = 'out of retries (1)';
    expect(finish(task, { isFailure })).toEqual({
      outcome: 'archive',
      task,
      record: { ...record, reason },
    });
  });
});
