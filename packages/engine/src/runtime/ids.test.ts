import { expect, test } from 'vitest';
import { newUuid } from './ids.ts';

const timeOf = (id: string): number => Number.parseInt(id.replace('-', '').slice(0, 12), 16);

test('IDs are UUIDs of version 7 that begin with the time, and none comes twice', () => {
  const before = Date.now();
  const ids = Array.from({ length: 2_000 }, newUuid);
  const after = Date.now();
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOf(id)).toBeGreaterThanOrEqual(before);
    expect(timeOf(id)).toBeLessThanOrEqual(after);
  }
  expect(new Set(ids).size).toBe(ids.length);
});

test('every random digit takes all values', () => {
  const ids = Array.from({ length: 2_000 }, newUuid);
  for (const index of [15, 16, 17, 20, 22, 24, 30, 35]) {
    expect(new Set(ids.map((id) => id[index])).size).toBe(16);
  }
  expect(new Set(ids.map((id) => id[19]))).toEqual(new Set(['8', '9', 'a', 'b']));
});
