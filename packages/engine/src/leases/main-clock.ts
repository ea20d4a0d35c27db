import { systemClock, type Clock } from '../runtime/clock.ts';

// Each thread's monotonic clock has its own origin. Leases have times by the main thread's clock, which the renewer thread
// must compare with the present.

/** The origin of this thread's monotonic clock, in ms of the machine's clock (`process.hrtime`). */
export const clockOriginMs = (): number => Number(process.hrtime.bigint()) / 1e6 - systemClock.monotonicMs();

/** A clock for this thread whose monotonic time is that of the thread with the given origin. */
export function clockOf(originMs: number): Clock {
  const shiftMs = clockOriginMs() - originMs;
  return { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + shiftMs };
}
