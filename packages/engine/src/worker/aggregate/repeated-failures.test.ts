import { expect, test } from 'vitest';
import { RepeatedFailures } from './repeated-failures.ts';

test('a cause is told once, then after pauses that double, with the number that was not told', () => {
  const failures = new RepeatedFailures();
  const told: [atS: number, untold: number][] = [];
  for (let atS = 0; atS < 100; atS += 1) {
    const untold = failures.next('a', atS * 1_000);
    if (untold !== null) told.push([atS, untold]);
  }
  expect(told).toEqual([
    [0, 0],
    [10, 9],
    [30, 19],
    [70, 39],
  ]);
});

test('each cause is told for itself, and one that had ended begins anew', () => {
  const failures = new RepeatedFailures();
  expect([failures.next('a', 0), failures.next('b', 0)]).toEqual([0, 0]);
  expect(failures.next('a', 60_000)).toBe(0);
  expect([failures.next('a', 69_000), failures.next('a', 70_000)]).toEqual([null, 1]);
});
