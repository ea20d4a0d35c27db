import { expect, test } from 'vitest';
import { forEachAsync } from './for-each-async.ts';

function* counted(made: number[]) {
  for (let n = 1; n <= 5; n += 1) {
    made.push(n);
    yield n;
  }
}

test('items are made while they are added, at once', () => {
  const made: number[] = [];
  const seen: string[] = [];
  expect(forEachAsync(counted(made), (item) => void seen.push(`${item} of ${made.length}`))).toBeUndefined();
  expect(seen).toEqual(['1 of 1', '2 of 2', '3 of 3', '4 of 4', '5 of 5']);
});

test('the rest is made before anything is waited for, and added in order', async () => {
  const made: number[] = [];
  const seen: number[] = [];
  const feeding = forEachAsync(counted(made), (item) => {
    seen.push(item);
    return item === 2 || item === 4 ? Promise.resolve() : undefined;
  });
  expect(seen).toEqual([1, 2]);
  expect(made).toEqual([1, 2, 3, 4, 5]);
  await feeding;
  expect(seen).toEqual([1, 2, 3, 4, 5]);
});
