import { expect, test } from 'vitest';
import { mapBounded } from './map-bounded.ts';

test('runs at most two items at once if told to, and keeps their order', async () => {
  let running = 0;
  let max = 0;
  const results = await mapBounded([3, 1, 2, 0, 5], 2, async (n, index) => {
    running += 1;
    max = Math.max(max, running);
    for (let turn = 0; turn < n; turn += 1) await Promise.resolve();
    running -= 1;
    return `${index}:${n}`;
  });
  expect(results).toEqual(['0:3', '1:1', '2:2', '3:0', '4:5']);
  expect(max).toBe(2);
});

test('begins no further item after one has failed', async () => {
  const begun: number[] = [];
  const work = mapBounded([1, 2, 3, 4], 2, async (n) => {
    begun.push(n);
    await Promise.resolve();
    if (n === 1) throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  expect(begun).toEqual([1, 2]);
});
