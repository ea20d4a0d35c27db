import type { Clock, Timer } from '../../../runtime/clock.ts';

export interface Ticker {
  /** Does nothing while it runs already. */
  start(): void;
  stop(): void;
}

const STEP_MS = 100;
/** Of a longer gap between two ticks only this much counts: this process was blocked or stopped, not the server. */
const MAX_STEP_MS = 300;

/**
 * Calls `tick` about every 100 ms with the ms that passed while this process was awake. A time limit counted this way
 * does not run out during a pause of our own, before the replies that came meanwhile were read.
 */
export function createTicker(clock: Clock, tick: (awakeMs: number) => void): Ticker {
  let timer: Timer | undefined;
  let lastMs = 0;

  function step(): void {
    const nowMs = clock.monotonicMs();
    const awakeMs = Math.min(nowMs - lastMs, MAX_STEP_MS);
    lastMs = nowMs;
    tick(awakeMs);
  }

  return {
    start() {
      if (timer) return;
      lastMs = clock.monotonicMs();
      timer = clock.every(STEP_MS, step);
    },
    stop() {
      timer?.cancel();
      timer = undefined;
    },
  };
}
