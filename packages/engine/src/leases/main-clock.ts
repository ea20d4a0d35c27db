import { systemClock, type Clock } from '../runtime/clock.ts';

/** Every thread's monotonic clock has an origin of its own; this tells by how much it differs from the machine's. */
export const clockOriginMs = (): number => Number(process.hrtime.bigint()) / 1e6 - systemClock.monotonicMs();

/** The clock of the thread whose origin this is, as seen from another thread. */
export function clockOf(originMs: number): Clock {
  const shiftMs = clockOriginMs() - originMs;
  return { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + shiftMs };
}
