import { expect, test } from 'vitest';
import { Restarts } from './restarts.ts';

const waits = (...ranMs: number[]) => {
  const restarts = new Restarts();
  return ranMs.map((ran) => restarts.waitAfter(ran));
};

test('the first failure waits for nothing, each further one twice as long, 30 s at most', () => {
  expect(waits(100, 0, 0, 59_999, 0, 0, 0, 0)).toEqual([
    0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ]);
});

test('who ran for a minute is started again at once', () => {
  expect(waits(0, 0, 0, 60_000, 0)).toEqual([0, 1_000, 2_000, 0, 1_000]);
});
