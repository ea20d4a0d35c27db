import { systemClock, type Clock } from '../../src/runtime/clock.ts';

const SPEED = 10;

/** A clock whose monotonic time and sleeps run ten times as fast, to shorten time limits. Its wall clock and its timers are the real ones. */
export const fastClock: Clock = {
  ...systemClock,
  monotonicMs: () => SPEED * systemClock.monotonicMs(),
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};
