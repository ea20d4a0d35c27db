import type { Clock } from '../runtime/clock.ts';

/** Numbers in [0, 1) that follow from the seed: mulberry32, which is small and even enough for tests. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TIME_DIGITS = 12;

/** UUIDs of version 7 that follow from the time and the random numbers. */
export function createTestIds(clock: Pick<Clock, 'wallMs'>, random: () => number): () => string {
  const digits = (count: number): string =>
    Math.floor(random() * 16 ** count)
      .toString(16)
      .padStart(count, '0');
  return () => {
    const time = clock.wallMs().toString(16).padStart(TIME_DIGITS, '0');
    const variant = (8 + Math.floor(random() * 4)).toString(16);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${digits(3)}-${variant}${digits(3)}-${digits(6)}${digits(6)}`;
  };
}
