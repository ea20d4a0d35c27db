import { expect, test } from 'vitest';
import { newUuid } from './ids.ts';

test('IDs are UUIDs of version 4, and none comes twice', () => {
  const ids = Array.from({ length: 2_000 }, newUuid);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(ids.length);
});

test('every digit that is not fixed takes all values', () => {
  const ids = Array.from({ length: 2_000 }, newUuid);
  for (const place of [0, 7, 9, 12, 15, 17, 20, 22, 24, 35]) {
    expect(new Set(ids.map((id) => id[place])).size).toBe(16);
  }
  expect(new Set(ids.map((id) => id[19]))).toEqual(new Set(['8', '9', 'a', 'b']));
});
