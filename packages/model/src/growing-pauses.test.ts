import { describe, expect, test } from 'vitest';
import { GrowingPauses } from './growing-pauses.ts';

describe('growing pauses', () => {
  const bounds = { firstMs: 100, maxMs: 5_000, forgetMs: 60_000 };

  test('double when what was put off comes back, up to the longest, and not with each of those that come together', () => {
    const pauses = new GrowingPauses(bounds);
    let nowMs = 0;
    const found = Array.from({ length: 8 }, () => {
      const together = Array.from({ length: 200 }, () => pauses.next('a', nowMs));
      nowMs += pauses.next('a', nowMs);
      expect(new Set(together).size).toBe(1);
      return together[0];
    });
    expect(found).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  test('are of one key, and begin anew when it was not met for long or was cleared', () => {
    const pauses = new GrowingPauses(bounds);
    pauses.next('a', 0);
    expect([pauses.next('a', 100), pauses.next('b', 100)]).toEqual([200, 100]);
    expect(pauses.keys(60_050)).toEqual(['a', 'b']);
    expect(pauses.keys(60_100)).toEqual([]);
    expect(pauses.next('a', 60_100)).toBe(100);
    pauses.next('a', 60_300);
    pauses.clear('a');
    expect(pauses.next('a', 60_600)).toBe(100);
  });

  test('remember a bounded number of keys: those that were met last', () => {
    const pauses = new GrowingPauses(bounds);
    for (let i = 0; i <= 10_000; i += 1) pauses.next(String(i), i / 1_000);
    expect(pauses.keys(10)).toHaveLength(10_000);
    expect(pauses.keys(10)[0]).toBe('1');
  });
});
