import { expect, test } from 'vitest';
import { forEachAsync } from './for-each-async.ts';

function* createCounted(created: number[]) {
  for (let n = 1; n <= 5; n += 1) {
    created.push(n);
    yield n;
  }
}

test('items are created and added one by one, synchronously', () => {
  const created: number[] = [];
  const seen: string[] = [];
  expect(
    forEachAsync(createCounted(created), (item) => void seen.push(`${item} of ${created.length}`)),
  ).toBeUndefined();
  expect(seen).toEqual(['1 of 1', '2 of 2', '3 of 3', '4 of 4', '5 of 5']);
});

test('remaining items are created before the first wait, and added in order', async () => {
  const created: number[] = [];
  const seen: number[] = [];
  const added = forEachAsync(createCounted(created), (item) => {
    seen.push(item);
    return item === 2 || item === 4 ? Promise.resolve() : undefined;
  });
  expect(seen).toEqual([1, 2]);
  expect(created).toEqual([1, 2, 3, 4, 5]);
  await added;
  expect(seen).toEqual([1, 2, 3, 4, 5]);
});
