// The fires of 5,000 random texts of each dialect, compared with walks from day to day and from moment to moment.
import { describe, test } from 'vitest';
import { compareFires, compareNearChanges } from './fire-checks.ts';

const RUNS = { numRuns: 5_000, seed: 15_000 };

describe.each(['unix', 'quartz', 'asynq'] as const)('5,000 random texts of the dialect %s', (dialect) => {
  test('fire as a walk from day to day says', () => {
    compareFires(dialect, RUNS);
  });

  test('fire as a walk from moment to moment says, where a clock is set', () => {
    compareNearChanges(dialect, RUNS);
  });
});
