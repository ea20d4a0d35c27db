import type { Duration } from '@task-center/model';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { boundedMs, duration, durationMs } from './duration.ts';

const invalid = (name: string) =>
  expect.objectContaining({ code: 'invalid-value', message: expect.stringContaining(name) });

describe('a duration', () => {
  test.each<[Duration, number]>([
    [0, 0],
    [1_500, 1_500],
    ['1h30m', 5_400_000],
    ['PT10M', 600_000],
  ])('of %j has %i ms', (value, ms) => expect(durationMs(value, 'delay')).toBe(ms));

  test.each([
    -1,
    1.5,
    Number.NaN,
    Infinity,
    366 * 11 * 86_400_000,
    '',
    '-5s',
    '10',
    10n,
    null,
    undefined,
    true,
    new Date(),
    ['1s'],
    { ms: 1 },
    Symbol('1s'),
    () => 1,
    Object.create(null),
  ])('that is none is refused by the name of its option (case %#)', (value) => {
    expect(() => durationMs(value as Duration, 'delay')).toThrow(invalid('delay'));
  });

  test('may have bounds, which the error names', () => {
    expect(boundedMs('2s', 'lease', { min: '2s', max: '10m' })).toBe(2_000);
    for (const value of [1_999, '601s', '1s'] as const)
      expect(() => boundedMs(value, 'lease', { min: '2s', max: '10m' })).toThrow(
        expect.objectContaining({ fix: 'Expected a duration from 2s to 10m.' }),
      );
    expect(() => boundedMs('900ms', 'unique', { min: '1s' })).toThrow(invalid('unique'));
  });
});

describe('the type of a duration', () => {
  test('takes ms and texts of up to three parts', () => {
    expectTypeOf(8_000).toExtend<Duration>();
    expectTypeOf('8s' as const).toExtend<Duration>();
    expectTypeOf('1h30m' as const).toExtend<Duration>();
    expectTypeOf('1d2h3m' as const).toExtend<Duration>();
    expectTypeOf('PT10M' as const).toExtend<Duration>();
    const seconds: number = 5;
    expectTypeOf(`${seconds}s` as const).toExtend<Duration>();
  });

  test('refuses other texts', () => {
    expectTypeOf('8' as const).not.toExtend<Duration>();
    expectTypeOf('soon' as const).not.toExtend<Duration>();
    expectTypeOf('8w' as const).not.toExtend<Duration>();
    expectTypeOf<string>().not.toExtend<Duration>();
  });

  test('comes from a variable by `duration`, which checks it', () => {
    const read: string = '1d2h3m4s5ms';
    expectTypeOf(duration(read)).toEqualTypeOf<Duration>();
    expect(duration(read)).toBe(read);
    expect(() => duration('8 s')).toThrow(invalid('duration'));
    expect(() => duration(null as never)).toThrow(invalid('duration'));
  });
});
