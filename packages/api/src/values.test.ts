import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { DAY_MS } from '@task-center/model';
import { duration, instant } from './values.ts';

describe('a duration', () => {
  const schema = duration(1_000, 7 * DAY_MS);

  test('is decoded to ms, and encoded to its shortest text', () => {
    expect(schema.parse('PT90S')).toBe(90_000);
    expect(z.encode(schema, 90_000)).toBe('1m30s');
  });

  test.each(['999ms', '8d', '10', '-5s', ''])('%j is refused with one issue of ours', (text) => {
    const { error } = schema.safeParse(text);
    expect(error?.issues).toMatchObject([{ code: 'custom', path: [], params: { code: 'invalid_value' } }]);
  });
});

describe('a time', () => {
  const schema = instant('A time');

  test('is decoded to wall-clock ms, rounded up', () => {
    expect(schema.parse('2026-11-24T09:00:00.1251+01:00')).toBe(Date.UTC(2026, 10, 24, 8, 0, 0, 126));
    expect(schema.safeParse('2026-02-30T00:00:00Z').success).toBe(false);
  });

  test('is the same one after it was encoded', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(2000), max: Date.UTC(2030) }), (ms) => {
        expect(schema.parse(z.encode(schema, ms))).toBe(ms);
      }),
    );
  });
});
