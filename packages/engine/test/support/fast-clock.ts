import { systemClock, type Clock } from '../../src/runtime/clock.ts';

const TIMES = 10;

/** A clock whose monotonic time passes ten times as fast: time limits that it measures are over sooner. */
export const fastClock: Clock = {
  ...systemClock,
  monotonicMs: () => TIMES * systemClock.monotonicMs(),
  sleep: (ms, signal) => systemClock.sleep(ms / TIMES, signal),
};
