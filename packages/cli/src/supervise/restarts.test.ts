import { expect, test } from 'vitest';
import { RestartBackoff } from './restarts.ts';

const waits = (...ranMs: number[]) => {
  const restarts = new RestartBackoff();
  return ranMs.map((ran) => restarts.waitAfter(ran));
};

test('after the first failure there is no wait, then 1 s, doubled each time, at most 30 s', () => {
  expect(waits(100, 0, 0, 59_999, 0, 0, 0, 0)).toEqual([
    0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ]);
});

test('a service that ran for a minute is started again at once', () => {
  expect(waits(0, 0, 0, 60_000, 0)).toEqual([0, 1_000, 2_000, 0, 1_000]);
});
