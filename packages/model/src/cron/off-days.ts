// Intervals that a calendar interrupts. The fires of an interval follow no local clock, but the days of a calendar do.
import { DAY_MS } from '../durations.ts';
import type { DayFilter, Times } from './reading.ts';
import type { Zone } from './zone.ts';

/** How far a fire on a day that is not off is searched for: forty years, as with cron. A calendar lists no more days than ten years have. */
const MAX_DAYS = 14_610;

const isOff = (filter: DayFilter, day: number): boolean => filter(day) === 'off';

/** The first day that is not off, from `day` in steps of 1 or -1; null if there is none for years. */
function openDay(filter: DayFilter, day: number, step: 1 | -1): number | null {
  for (let steps = 0; steps < MAX_DAYS; steps += 1)
    if (!isOff(filter, day + steps * step)) return day + steps * step;
  return null;
}

/** The first moment after `afterMs` at which the clock shows a day, or a later one. It must show an earlier one then. */
function startOf(zone: Zone, day: number, afterMs: number): number {
  let startMs = day * DAY_MS - zone.offsetMs(afterMs);
  for (const { atMs, newOffsetMs } of zone.changes(afterMs, startMs))
    startMs = Math.min(startMs, Math.max(atMs, day * DAY_MS - newOffsetMs));
  return startMs;
}

/** The last moment up to `atMs` at which the clock shows a day, or an earlier one. It must show a later one then. */
function endOf(zone: Zone, day: number, atMs: number): number {
  const endLocalMs = (day + 1) * DAY_MS - 1;
  let endMs = endLocalMs - zone.offsetMs(atMs);
  for (const change of zone.changes(endMs, atMs))
    endMs = Math.max(endMs, Math.min(change.atMs - 1, endLocalMs - change.oldOffsetMs));
  return endMs;
}

/** Stretches of time in which the clock keeps its offset: those after `afterMs`, up to and with `toMs`. */
function* stretches(zone: Zone, afterMs: number, toMs: number): Iterable<[number, number, number]> {
  let [sinceMs, offsetMs] = [afterMs, zone.offsetMs(afterMs)];
  for (const { atMs, newOffsetMs } of zone.changes(afterMs, toMs)) {
    yield [sinceMs, atMs - 1, offsetMs];
    [sinceMs, offsetMs] = [atMs - 1, newOffsetMs];
  }
  yield [sinceMs, toMs, offsetMs];
}

/** The days that are off, or their parts, as moments: after the first one, up to and with the second one. */
function* offDays(
  zone: Zone,
  filter: DayFilter,
  [afterMs, toMs]: [number, number],
): Iterable<[number, number]> {
  for (const [sinceMs, untilMs, offsetMs] of stretches(zone, afterMs, toMs)) {
    const lastDay = Math.floor((untilMs + offsetMs) / DAY_MS);
    for (let day = Math.floor((sinceMs + 1 + offsetMs) / DAY_MS); day <= lastDay; day += 1) {
      const beforeMs = day * DAY_MS - offsetMs - 1;
      if (isOff(filter, day)) yield [Math.max(sinceMs, beforeMs), Math.min(untilMs, beforeMs + DAY_MS)];
    }
  }
}

/** Leaves out the fires on the days that are off. */
export function withoutOffDays(times: Times, zone: Zone, filter: DayFilter | undefined): Times {
  if (!filter) return times;
  const dayAt = (ms: number): number => Math.floor((ms + zone.offsetMs(ms)) / DAY_MS);
  return {
    next(afterMs) {
      let fireMs = times.next(afterMs);
      while (fireMs !== null && fireMs < afterMs + MAX_DAYS * DAY_MS) {
        const today = dayAt(fireMs);
        const day = openDay(filter, today, 1);
        if (day === null) return null;
        if (day === today) return fireMs;
        fireMs = times.next(startOf(zone, day, fireMs) - 1);
      }
      return null;
    },
    previous(atMs, afterMs) {
      let fireMs = times.previous(atMs, afterMs);
      while (fireMs !== null && fireMs > atMs - MAX_DAYS * DAY_MS) {
        const today = dayAt(fireMs);
        const day = openDay(filter, today, -1);
        if (day === null) return null;
        if (day === today) return fireMs;
        fireMs = times.previous(endOf(zone, day, fireMs), afterMs);
      }
      return null;
    },
    count(afterMs, toMs) {
      let count = times.count(afterMs, toMs);
      for (const off of offDays(zone, filter, [afterMs, toMs])) count -= times.count(...off);
      return count;
    },
    noteOf: times.noteOf,
  };
}
