import { describe, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { within } from './within.ts';

describe('within', () => {
  test('resolves to the value of work that ends in time', async () => {
    expect(await within(systemClock, 60_000, () => Promise.resolve('done'))).toBe('done');
  });

  test('resolves to undefined and aborts the signal when the time is up', async () => {
    let signal: AbortSignal | undefined;
    const work = (late: AbortSignal) => {
      signal = late;
      return new Promise<string>(() => {});
    };
    expect(await within(systemClock, 1, work)).toBeUndefined();
    expect(signal?.aborted).toBe(true);
  });

  test('rejects when the work rejects in time', async () => {
    await expect(within(systemClock, 60_000, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  test('a rejection after the time is up goes unheard', async () => {
    let fail = (): void => {};
    const work = () => new Promise<never>((_, reject) => (fail = () => reject(new Error('too late'))));
    expect(await within(systemClock, 1, work)).toBeUndefined();
    fail();
    await new Promise((resolve) => setImmediate(resolve));
  });
});
