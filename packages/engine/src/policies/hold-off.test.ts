import { expect, test } from 'vitest';
import { FIRST_SCAN, nextScan } from './hold-off.ts';

/** Scans at these times; tells which of them were held. */
function scans(...timesMs: number[]): boolean[] {
  let memory = FIRST_SCAN;
  return timesMs.map((nowMs) => {
    const next = nextScan(memory, nowMs);
    memory = next.memory;
    return next.held;
  });
}

test('scans that follow one another are never held', () => {
  expect(scans(0, 750, 1_500, 3_700)).toEqual([false, false, false, false]);
});

test('after a gap recovery waits until every worker could renew, then goes on', () => {
  expect(scans(0, 10_000, 10_750, 12_000, 12_500, 13_000)).toEqual([false, true, true, true, false, false]);
});

test('a fourth gap in a row holds nothing off any more', () => {
  expect(scans(0, 10_000, 20_000, 30_000, 40_000)).toEqual([false, true, true, true, false]);
});
