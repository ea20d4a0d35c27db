import type { Clock } from '../../../runtime/clock.ts';

export interface Ticker {
  /** May be called while it runs. */
  start(): void;
  stop(): void;
}

const STEP_MS = 100;
/** A longer pause between two ticks was ours (a blocked loop, a stopped process), not the server's. */
const MAX_STEP_MS = 300;

/**
 * Calls `tick` about every 100 ms with the ms that passed while this process was awake. So a time limit counted
 * here does not run out during a pause of our own, before the answers that came meanwhile could be read.
 */
export function createTicker(clock: Clock, tick: (awakeMs: number) => void): Ticker {
  let timer: NodeJS.Timeout | undefined;
  let last = 0;

  function step(): void {
    const now = clock.monotonicMs();
    const passed = Math.min(now - last, MAX_STEP_MS);
    last = now;
    tick(passed);
  }

  return {
    start() {
      if (timer) return;
      last = clock.monotonicMs();
      timer = setInterval(step, STEP_MS);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
