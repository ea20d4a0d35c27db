import { expect, test } from 'vitest';
import { NO_SCAN_YET, nextScan } from './recovery.ts';

/** Scans at these times; returns for each whether it was held off. */
function scans(...timesMs: number[]): boolean[] {
  let memory = NO_SCAN_YET;
  return timesMs.map((nowMs) => {
    const next = nextScan(memory, nowMs);
    memory = next.memory;
    return next.isHeldOff;
  });
}

test('scans at their usual interval are never held off', () => {
  expect(scans(0, 750, 1_500, 3_700)).toEqual([false, false, false, false]);
});

test('after a gap recovery waits until every worker had time to renew, then goes on', () => {
  expect(scans(0, 10_000, 10_750, 12_000, 12_500, 13_000)).toEqual([false, true, true, true, false, false]);
});

test('a fourth gap in a row no longer holds recovery off', () => {
  expect(scans(0, 10_000, 20_000, 30_000, 40_000)).toEqual([false, true, true, true, false]);
});
