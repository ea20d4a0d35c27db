// The clock rules in their plainest form, minute by minute, to compare ours with. Nothing of ours but the fields is used.
import type { CronFields } from '../src/cron/cron-fields.ts';

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

/** Whether the fields match a local time: the ms since 1970 that a clock shows. */
function matches({ minute, hour, day, month, weekday }: CronFields, localMs: number): boolean {
  const date = new Date(localMs);
  if (!minute.values.has(date.getUTCMinutes()) || !hour.values.has(date.getUTCHours())) return false;
  if (!month.values.has(date.getUTCMonth() + 1)) return false;
  const days = [day.values.has(date.getUTCDate()), weekday.values.has(date.getUTCDay())];
  return day.star || weekday.star ? days.every(Boolean) : days.some(Boolean);
}

/** The times after `fromMs`, up to `toMs`, minutes near one change of the clock. */
export function referenceTimes(fields: CronFields, { atMs, before, after }: Change, hours: number): number[] {
  const times: number[] = [];
  const seen = new Set<number>();
  let shownMs = Number.NaN;
  for (let ms = atMs - hours * HOUR_MS; ms <= atMs + hours * HOUR_MS; ms += MINUTE_MS) {
    const localMs = ms + (ms < atMs ? before : after);
    let fires = matches(fields, localMs) && (fields.hour.beginsWithStar || !seen.has(localMs));
    if (!fields.hour.beginsWithStar)
      for (let gapMs = shownMs + MINUTE_MS; gapMs < localMs; gapMs += MINUTE_MS)
        fires ||= matches(fields, gapMs);
    seen.add(localMs);
    shownMs = localMs;
    if (fires) times.push(ms);
  }
  return times;
}
