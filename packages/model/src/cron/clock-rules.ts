// What a schedule does when the clock of its zone is set: two rules. See docs/schedules.md.
import { DAY_MS } from '../durations.ts';
import type { CronFields } from './dialects.ts';
import {
  countLocalTimes,
  localTimes,
  nextLocalTime,
  previousLocalTime,
  yearOf,
  type LocalTimes,
} from './local-times.ts';
import type { DayFilter, Times } from './reading.ts';
import type { Zone } from './zone.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** No local clock has been further from UTC. */
const MAX_OFFSET_MS = 16 * HOUR_MS;
/** No clock was set back by more. */
const MAX_SET_BACK_MS = 25 * HOUR_MS;
/** The fifth Friday of a February may be forty years away, around a year such as 2100. */
const YEARS = 40;
const ASYNQ_YEARS = 5;

/** The moments of local times in a zone. */
type ClockRule = (times: LocalTimes, zone: Zone) => Times;

/** The first local day on which something after `afterMs` can lie. Nothing is searched for before 1970. */
const firstDayAfter = (afterMs: number): number =>
  Math.max(0, Math.floor((afterMs - MAX_OFFSET_MS) / DAY_MS));

const endOfDay = (localMs: number): number => (Math.floor(localMs / DAY_MS) + 1) * DAY_MS;

function hasChange(zone: Zone, fromMs: number, toMs: number): boolean {
  const [change] = zone.changes(fromMs, toMs);
  return change !== undefined;
}

/** Searches for the next fire in real time, up to a number of years ahead. */
function nextShown(times: LocalTimes, zone: Zone, years: number): Times['next'] {
  return (afterMs) => {
    let [sinceMs, offsetMs] = [afterMs, zone.offsetMs(afterMs)];
    let shownMs = afterMs + offsetMs;
    const lastYear = yearOf(shownMs + MINUTE_MS) + years;
    for (;;) {
      const localMs = nextLocalTime(times, shownMs, lastYear);
      if (localMs === null) return null;
      const nearMs = endOfDay(localMs) - DAY_MS - MAX_OFFSET_MS;
      const lookedMs = sinceMs + MAX_SET_BACK_MS;
      // Unless the clock comes back to what it has shown, it shows no time that matches until that day.
      if (nearMs > lookedMs && !hasChange(zone, sinceMs, lookedMs))
        [sinceMs, offsetMs] = [nearMs, zone.offsetMs(nearMs)];
      const [change] = zone.changes(sinceMs, localMs - offsetMs);
      if (!change) return localMs - offsetMs;
      [sinceMs, offsetMs] = [change.atMs, change.newOffsetMs];
      // What the clock shows from then on may match.
      shownMs = sinceMs + offsetMs - 1;
    }
  };
}

/** Searches for the previous fire in real time. */
function previousShown(times: LocalTimes, zone: Zone): Times['previous'] {
  return (atMs, afterMs) => {
    let [untilMs, offsetMs] = [atMs, zone.offsetMs(atMs)];
    while (untilMs > afterMs) {
      const localMs = previousLocalTime(times, untilMs + offsetMs, firstDayAfter(afterMs));
      const lookedMs = untilMs - MAX_SET_BACK_MS;
      const nearMs = localMs === null ? null : endOfDay(localMs) + MAX_OFFSET_MS;
      // A clock that was set back has shown later times before. If it was not, nothing matches back to that day.
      if ((nearMs === null || nearMs < lookedMs) && !hasChange(zone, lookedMs, untilMs)) {
        if (nearMs === null) return null;
        [untilMs, offsetMs] = [nearMs, zone.offsetMs(nearMs)];
      }
      const fireMs = localMs === null ? lookedMs : localMs - offsetMs;
      const change = [...zone.changes(fireMs, untilMs)].at(-1);
      if (!change) return fireMs > afterMs ? fireMs : null;
      [untilMs, offsetMs] = [change.atMs - 1, change.oldOffsetMs];
    }
    return null;
  };
}

/**
 * Fires whenever the local clock shows a time that the fields match: a local time that does not exist is left out, and one
 * that comes twice fires twice.
 */
const byRealTime: ClockRule = (times, zone) => ({
  next: nextShown(times, zone, YEARS),
  previous: previousShown(times, zone),
  count(afterMs, toMs) {
    let [count, sinceMs, offsetMs] = [0, afterMs, zone.offsetMs(afterMs)];
    for (const change of zone.changes(afterMs, toMs)) {
      const untilMs = change.atMs - 1;
      count += countLocalTimes(times, sinceMs + offsetMs, untilMs + offsetMs);
      [sinceMs, offsetMs] = [untilMs, change.newOffsetMs];
    }
    return count + countLocalTimes(times, sinceMs + offsetMs, toMs + offsetMs);
  },
  noteOf: () => null,
});

/** The latest local time that the clock has shown up to `atMs`. It is later than now after the clock was set back. */
function latestShown(zone: Zone, atMs: number): number {
  let latestMs = atMs + zone.offsetMs(atMs);
  for (const change of zone.changes(atMs - MAX_SET_BACK_MS, atMs))
    latestMs = Math.max(latestMs, change.atMs + change.oldOffsetMs - 1);
  return latestMs;
}

/** When the local clock shows a time, or a later one, for the first time. For a time in a gap that is the end of the gap. */
function firstShown(zone: Zone, localMs: number): number {
  const fromMs = localMs - MAX_OFFSET_MS;
  let offsetMs = zone.offsetMs(fromMs);
  for (const change of zone.changes(fromMs, localMs + MAX_OFFSET_MS)) {
    if (localMs - offsetMs < change.atMs) break;
    if (change.atMs + change.newOffsetMs >= localMs) return change.atMs;
    offsetMs = change.newOffsetMs;
  }
  return localMs - offsetMs;
}

/** The local times that the clock jumps over at a moment: those after the first result, up to and with the second. */
const jumpAt = (zone: Zone, atMs: number): [number, number] => [
  latestShown(zone, atMs - 1),
  latestShown(zone, atMs),
];

/** Whether the clock will show again what it shows at a moment. */
function comesAgain(zone: Zone, atMs: number): boolean {
  const localMs = atMs + zone.offsetMs(atMs);
  for (const change of zone.changes(atMs, atMs + MAX_SET_BACK_MS))
    if (change.atMs + change.newOffsetMs <= localMs) return true;
  return false;
}

/**
 * Fires once for each local time that the fields match: the first time that it comes, or at the end of the gap in which it
 * lies. Times that fall on one moment are one.
 */
const oncePerLocalTime: ClockRule = (times, zone) => ({
  next(afterMs) {
    const shownMs = latestShown(zone, afterMs);
    const localMs = nextLocalTime(times, shownMs, yearOf(shownMs) + YEARS);
    return localMs === null ? null : firstShown(zone, localMs);
  },
  previous(atMs, afterMs) {
    const localMs = previousLocalTime(times, latestShown(zone, atMs), firstDayAfter(afterMs));
    if (localMs === null) return null;
    const fireMs = firstShown(zone, localMs);
    return fireMs > afterMs ? fireMs : null;
  },
  count(afterMs, toMs) {
    let count = countLocalTimes(times, latestShown(zone, afterMs), latestShown(zone, toMs));
    // The times of a gap, and a regular one at its end, are one fire.
    for (const { atMs } of zone.changes(afterMs, toMs))
      count -= Math.max(0, countLocalTimes(times, ...jumpAt(zone, atMs)) - 1);
    return count;
  },
  noteOf(fireMs) {
    const [shownMs, endMs] = jumpAt(zone, fireMs);
    if (countLocalTimes(times, shownMs, endMs - 1) > 0) return 'dst_gap';
    return comesAgain(zone, fireMs) ? 'dst_repeat' : null;
  },
});

/** Ours: an hour field that begins with a star follows real time; fixed hours fire once per local time. */
export function ownRule(fields: CronFields, zone: Zone, filter?: DayFilter): Times {
  const rule = fields.hour.beginsWithStar ? byRealTime : oncePerLocalTime;
  return rule(localTimes(fields, filter), zone);
}

/** That of Go's robfig/cron, in real time. It does not look further than five years. */
export const asynqRule = (fields: CronFields, zone: Zone): Pick<Times, 'next'> => ({
  next: nextShown(localTimes(fields), zone, ASYNQ_YEARS),
});
