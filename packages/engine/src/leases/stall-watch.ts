import type { Clock } from '../runtime/clock.ts';

/** A thread without a sign of life for this long hangs. */
const DEGRADED_MS = 2_000;
/** Longest time between two measurements that counts. After a longer one the measuring thread was stopped as well. */
const MAX_PASSED_MS = 1_000;

/** Measures how long another thread has given no sign of life while this one ran. */
export interface StallWatch {
  readonly degradedMs: number;
  /**
   * Returns for how many ms there has been no sign of life.
   *
   * @param aliveMs the other thread's last sign of life; any change of it ends the stall
   */
  measure(aliveMs: number, nowMs: number): number;
  /** Starts again from 0: the other thread owes no sign of life for now. */
  reset(): void;
}

/**
 * Adds up only the time between measurements that came on time. A process that was stopped as a whole (SIGSTOP, a paused
 * virtual machine) has not hung.
 */
export function createStallWatch(clock: Clock): StallWatch {
  let lastAliveMs = 0;
  let measuredMs = clock.monotonicMs();
  let stallMs = 0;

  return {
    degradedMs: DEGRADED_MS,
    measure(aliveMs, nowMs) {
      const passedMs = nowMs - measuredMs;
      measuredMs = nowMs;
      if (aliveMs !== lastAliveMs) stallMs = 0;
      else if (passedMs <= MAX_PASSED_MS) stallMs += passedMs;
      lastAliveMs = aliveMs;
      return stallMs;
    },
    reset() {
      stallMs = 0;
    },
  };
}
