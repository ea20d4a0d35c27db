import type { Clock } from '../runtime/clock.ts';

/** From so long on a main thread hangs. */
const DEGRADED_MS = 2_000;
/** A look that comes later than this says nothing: then this thread was stopped as well. */
const ON_TIME_MS = 1_000;

/** How long another thread has given no sign of life while this one ran. */
export interface StallWatch {
  readonly degradedMs: number;
  /** @param tickMs its last sign of life. Returns ms without one. */
  look(tickMs: number, nowMs: number): number;
  /** It owes no sign of life for now. */
  reset(): void;
}

/** A process that was stopped as a whole has not hung: only what passes between looks on time counts. */
export function createStallWatch(clock: Clock): StallWatch {
  let lastTickMs = 0;
  let lastLookMs = clock.monotonicMs();
  let stallMs = 0;

  return {
    degradedMs: DEGRADED_MS,
    look(tickMs, nowMs) {
      const passedMs = nowMs - lastLookMs;
      lastLookMs = nowMs;
      if (tickMs !== lastTickMs) stallMs = 0;
      else if (passedMs <= ON_TIME_MS) stallMs += passedMs;
      lastTickMs = tickMs;
      return stallMs;
    },
    reset() {
      stallMs = 0;
    },
  };
}
