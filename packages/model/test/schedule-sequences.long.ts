// The same as sequences.test.ts, many more of them.
import { test } from 'vitest';
import { checkSequences } from './schedule-sequences.ts';

test.each([1, 2, 3, 4])('schedules are planned as by the reference: sequences from seed %i', (seed) => {
  checkSequences({ seed, numRuns: 600 });
});
