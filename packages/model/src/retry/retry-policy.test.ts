import { describe, expect, test } from 'vitest';
import {
  decideFailure,
  DEFAULT_RETRY_POLICY,
  PATIENT_RETRY_POLICY,
  type Failure,
  type FailureHints,
} from './retry-policy.ts';

const { backoff } = DEFAULT_RETRY_POLICY;

function decide(hints: FailureHints, failure: Partial<Failure> = {}) {
  return decideFailure({ retried: 0, maxRetries: 3, backoff, chance: 0, ...failure, hints });
}

describe('a failed task', () => {
  test.each([
    [0, 1_000],
    [1, 2_000],
    [2, 4_000],
  ])('after %i retries runs again after %i ms', (retried, delayMs) => {
    expect(decide({}, { retried })).toEqual({ outcome: 'retry', delayMs, reason: 'default: retry' });
  });

  test('waits up to a quarter longer, by chance', () => {
    expect(decide({}, { chance: 0.999_999 })).toMatchObject({ delayMs: 1_250 });
  });

  test('is archived when its retries are used up', () => {
    expect(decide({}, { retried: 3 })).toEqual({ outcome: 'archive', reason: 'out of retries (3)' });
    expect(decide({}, { maxRetries: 0 })).toEqual({ outcome: 'archive', reason: 'out of retries (0)' });
  });

  test('is archived at once when its error is not retryable', () => {
    expect(decide({ retryable: false })).toEqual({ outcome: 'archive', reason: 'not retryable' });
    expect(decide({ retryable: false, reason: 'default: 410 fail', retryAfterMs: 5 })).toEqual({
      outcome: 'archive',
      reason: 'default: 410 fail',
    });
  });

  test('waits as long as its error asks for, if that is longer than its own delay', () => {
    expect(decide({ retryAfterMs: 5_000, reason: 'asked' })).toEqual({
      outcome: 'retry',
      delayMs: 5_000,
      reason: 'asked',
    });
    expect(decide({ retryAfterMs: 10 })).toMatchObject({ delayMs: 1_000 });
    expect(decide({ retryAfterMs: 10_000 }, { chance: 0.5 })).toMatchObject({ delayMs: 11_250 });
  });

  test('never waits longer than a day', () => {
    expect(decide({ retryAfterMs: 365 * 86_400_000 })).toMatchObject({ delayMs: 86_400_000 });
    expect(decide({ retryAfterMs: Infinity })).toMatchObject({ delayMs: 86_400_000 });
  });

  test('waits its own delay when its error asks for a time that makes no sense', () => {
    expect(decide({ retryAfterMs: -5 })).toMatchObject({ delayMs: 1_000 });
    expect(decide({ retryAfterMs: Number.NaN })).toMatchObject({ delayMs: 1_000 });
  });

  test.each<[unknown, string]>([
    [Number.NaN, 'NaN'],
    [-5, '-5'],
    ['30s', '"30s"'],
    [null, 'null'],
    [{}, 'a value of type object'],
  ])('a delay of %j is quoted, whatever is decided', (asked, shown) => {
    const problem = `retryAfter not understood: ${shown} is no duration`;
    const hints = { retryAfterMs: asked as number };
    expect(decide(hints)).toMatchObject({ delayMs: 1_000, reason: `default: retry; ${problem}` });
    expect(decide(hints, { maxRetries: 0 })).toMatchObject({ reason: `out of retries (0); ${problem}` });
    expect(decide({ ...hints, retryable: false })).toMatchObject({ reason: `not retryable; ${problem}` });
  });

  test("a delay without end counts as the maximum for Asynq's backoff, too", () => {
    const { delayMs } = decide({ retryAfterMs: Infinity }, { backoff: { kind: 'asynq' } }) as {
      delayMs: number;
    };
    expect(delayMs).toBe(86_400_000);
  });
});

describe('the patient policy', () => {
  test('retries for about forty minutes', () => {
    let ms = 0;
    for (let retried = 0; retried < PATIENT_RETRY_POLICY.maxRetries; retried += 1) {
      const decision = decide({}, { retried, maxRetries: PATIENT_RETRY_POLICY.maxRetries });
      if (decision.outcome === 'retry') ms += decision.delayMs;
    }
    expect(ms / 60_000).toBeCloseTo(38.5, 0);
  });
});
