// The clock rules in their plainest form, minute by minute or second by second, to compare ours with.
import type { CronFields } from '../src/cron/dialects.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** No two changes of a zone are closer than this. */
const STEP_MS = 12 * HOUR_MS;

/** Local time less UTC, ms. */
export type Offsets = (atMs: number) => number;

export function offsetsOf(timeZone: string): Offsets {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return (atMs) => {
    const [day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0] = format
      .format(atMs)
      .split(/\D+/)
      .map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second) - atMs;
  };
}

/** A moment at which a zone's clock is set, and the offsets before and from then. */
export interface Change {
  readonly atMs: number;
  readonly before: number;
  readonly after: number;
}

/** All changes of a zone between two whole hours. */
export function changesOf(offsets: Offsets, fromMs: number, toMs: number): Change[] {
  const changes: Change[] = [];
  let last = offsets(fromMs);
  for (let ms = fromMs + STEP_MS; ms <= toMs; ms += STEP_MS) {
    const offset = offsets(ms);
    if (offset === last) continue;
    let atMs = ms - STEP_MS;
    while (offsets(atMs) === last) atMs += MINUTE_MS;
    changes.push({ atMs, before: last, after: offset });
    last = offset;
  }
  return changes;
}

/** A schedule as the reference needs it. */
export interface PlainSchedule {
  /** Whether its hour field does not begin with a star. */
  readonly isFixed: boolean;
  /** Whether it has a local time: the ms since 1970 that a clock shows. */
  matches(localMs: number): boolean;
}

/** Of fields that pick no single days. */
export function plainOf({ second, minute, hour, day, month, weekday }: CronFields): PlainSchedule {
  return {
    isFixed: !hour.beginsWithStar,
    matches(localMs) {
      const date = new Date(localMs);
      if (!second.values.has(date.getUTCSeconds()) || !minute.values.has(date.getUTCMinutes())) return false;
      if (!hour.values.has(date.getUTCHours()) || !month.values.has(date.getUTCMonth() + 1)) return false;
      const days = [day.values.has(date.getUTCDate()), weekday.values.has(date.getUTCDay())];
      return day.star || weekday.star ? days.every(Boolean) : days.some(Boolean);
    },
  };
}

export interface Window {
  /** How far the window reaches before and after the change. */
  readonly hours: number;
  /** How far the moments are apart that are looked at. */
  readonly stepMs: number;
}

/** The times near one change of the clock, from the start to the end of the window. */
export function referenceTimes(
  { isFixed, matches }: PlainSchedule,
  { atMs, before, after }: Change,
  { hours, stepMs }: Window,
): number[] {
  const times: number[] = [];
  const seen = new Set<number>();
  let shownMs = Number.NaN;
  for (let ms = atMs - hours * HOUR_MS; ms <= atMs + hours * HOUR_MS; ms += stepMs) {
    const localMs = ms + (ms < atMs ? before : after);
    let fires = matches(localMs) && !(isFixed && seen.has(localMs));
    if (isFixed)
      for (let gapMs = shownMs + stepMs; gapMs < localMs && !fires; gapMs += stepMs) fires = matches(gapMs);
    seen.add(localMs);
    shownMs = localMs;
    if (fires) times.push(ms);
  }
  return times;
}
