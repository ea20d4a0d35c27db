import { test } from 'vitest';
import { checkSequences } from '../../test/schedule-sequences.ts';

test('whatever happens to a schedule, it is planned as by the reference, and each time is decided once', () => {
  checkSequences({ seed: 15, numRuns: 50 });
});
