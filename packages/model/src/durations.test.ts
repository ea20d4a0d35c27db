import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from './durations.ts';

describe('a duration', () => {
  test.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['90m', 5_400_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
    ['PT10M', 600_000],
    ['PT0.25S', 250],
    ['P1D', 86_400_000],
    ['P1DT2H', 93_600_000],
    ['PT1H30M', 5_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    '10',
    'ten seconds',
    '10 s',
    ' 10s',
    '10s ',
    '-5s',
    '1.5s',
    '10S',
    '1e3ms',
    'P',
    'PT',
    'P1DT',
    'PT5',
    'PT-5S',
    'P1Y',
    'P1W',
    'pt5s',
    'PT1.2345S',
    '3654d',
    '99999999999999999999d',
    '1s'.repeat(40),
  ])('%j is refused', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test('may be as long as ten years', () => {
    expect(parseDuration('3653d')).toBe(3_653 * 86_400_000);
  });

  test('of several parts is their sum', () => {
    const count = fc.nat({ max: 1_000 });
    fc.assert(
      fc.property(count, count, count, (h, m, s) => {
        const ms = h * 3_600_000 + m * 60_000 + s * 1_000;
        expect(parseDuration(`${h}h${m}m${s}s`)).toBe(ms);
        expect(parseDuration(`PT${h}H${m}M${s}S`)).toBe(ms);
      }),
    );
  });

  test('is the same one after it was written', () => {
    fc.assert(fc.property(fc.nat(400 * 86_400_000), (ms) => parseDuration(formatDuration(ms)) === ms));
    expect(formatDuration(0)).toBe('0s');
  });
});
