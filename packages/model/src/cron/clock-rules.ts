// What a schedule does when the clock of its zone is set: two rules. See docs/schedules.md.
import { nextLocalTime, yearOf } from './calendar.ts';
import type { CronFields } from './cron-fields.ts';
import type { Zone } from './zone.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** No local clock has been further from UTC. */
const MAX_OFFSET_MS = 16 * HOUR_MS;
/** No clock was set back by more. */
const MAX_SET_BACK_MS = 25 * HOUR_MS;
/** 29 February may be eight years away, around a year such as 2100. */
const YEARS = 8;
const ASYNQ_YEARS = 5;

/** Wall-clock ms of the first time after `afterMs`; null if there is none for years. */
export type ClockRule = (fields: CronFields, zone: Zone, afterMs: number) => number | null;

/**
 * Fires whenever the local clock shows a time that the fields match: a local time that does not exist is left out, and one
 * that comes twice fires twice.
 */
function byRealTime(years: number): ClockRule {
  return (fields, zone, afterMs) => {
    let [sinceMs, offsetMs] = [afterMs, zone.offsetMs(afterMs)];
    let shownMs = afterMs + offsetMs;
    const lastYear = yearOf(shownMs + MINUTE_MS) + years;
    for (;;) {
      const localMs = nextLocalTime(fields, shownMs, lastYear);
      if (localMs === null) return null;
      const [change] = zone.changes(sinceMs, localMs - offsetMs);
      if (!change) return localMs - offsetMs;
      [sinceMs, offsetMs] = [change.atMs, change.newOffsetMs];
      // What the clock shows from then on may match.
      shownMs = sinceMs + offsetMs - 1;
    }
  };
}

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

/**
 * Fires once for each local time that the fields match: the first time that it comes, or at the end of the gap in which it
 * lies. Times that fall on one moment are one.
 */
const oncePerLocalTime: ClockRule = (fields, zone, afterMs) => {
  const shownMs = latestShown(zone, afterMs);
  const localMs = nextLocalTime(fields, shownMs, yearOf(shownMs) + YEARS);
  return localMs === null ? null : firstShown(zone, localMs);
};

const realTime = byRealTime(YEARS);

/** Ours: an hour field that begins with a star follows real time; fixed hours fire once per local time. */
export const ownRule: ClockRule = (fields, zone, afterMs) =>
  (fields.hour.beginsWithStar ? realTime : oncePerLocalTime)(fields, zone, afterMs);

/** That of Go's robfig/cron. It does not look further than five years. */
export const asynqRule: ClockRule = byRealTime(ASYNQ_YEARS);
