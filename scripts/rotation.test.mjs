import { describe, expect, test } from 'vitest';
import { runInTime } from './rotation.mjs';

const SUITES = ['a', 'b', 'c'].map((name) => ({ name, costSeconds: 10 }));

/** Runs the suites on a clock of the test's own; each takes as long as is given. */
async function runOf(took) {
  let seconds = 0;
  const { runs, late } = await runInTime(SUITES, {
    maxSeconds: 30,
    readSeconds: () => seconds,
    runSuite: async ({ name }) => {
      seconds += took[name];
      return name;
    },
  });
  return { runs, late: late.map(({ name }) => name) };
}

describe('suites in their time', () => {
  test('all run when they take what they state', async () => {
    expect(await runOf({ a: 10, b: 10, c: 10 })).toEqual({ runs: ['a', 'b', 'c'], late: [] });
  });

  test('one that would end past the time does not start', async () => {
    expect(await runOf({ a: 10, b: 11, c: 10 })).toEqual({ runs: ['a', 'b'], late: ['c'] });
  });

  test('one that takes far too long is not stopped, and nothing follows it', async () => {
    expect(await runOf({ a: 90, b: 10, c: 10 })).toEqual({ runs: ['a'], late: ['b', 'c'] });
  });
});
