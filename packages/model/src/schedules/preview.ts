// What a schedule will do, as far as it can be said before.
import type { CalendarDays, CalendarNote } from '../calendars/calendar-days.ts';
import type { FireNote, Times } from '../cron/reading.ts';
import { zoneOf } from '../cron/zone.ts';
import { DAY_MS } from '../durations.ts';
import { boundedTimes, type PlanTimes } from './due-times.ts';
import { skipsLeftOf, type StoredSchedule } from './edits.ts';
import { isFromEnd } from './spec.ts';

/** A fire that is still to come. */
export interface PreviewedFire {
  /** Its logical time, wall-clock ms. */
  readonly fireMs: number;
  /** What the clock of the schedule's zone shows then, as ms since 1970. */
  readonly localMs: number;
  /** What is special about it; null = nothing. A change of the clock is said before what the calendar has. */
  readonly note: FireNote | CalendarNote | null;
}

export interface PreviewInput {
  readonly schedule: StoredSchedule;
  /** `timesOf` it, its calendar included. */
  readonly times: Times;
  readonly days: CalendarDays | null;
  /** Fires after this time. */
  readonly fromMs: number;
  /** Most fires. */
  readonly limit: number;
}

/** The time up to which the fires of a schedule are decided, those that `skip_next` leaves out counted as decided; null = all are. */
function decidedMs({ schedule }: PreviewInput, times: PlanTimes): number | null {
  const { spec, ledger } = schedule;
  let afterMs: number | null = Math.max(ledger?.decidedToMs ?? spec.plannedFromMs, spec.plannedFromMs);
  for (let skips = skipsLeftOf(schedule); skips > 0 && afterMs !== null; skips -= 1)
    afterMs = times.next(afterMs);
  return afterMs;
}

/** The times to show, the earliest first. */
function* comingTimes(input: PreviewInput): Iterable<number> {
  const { schedule, times, fromMs } = input;
  const { spec, ledger } = schedule;
  const countsFromEnd = isFromEnd(spec);
  if (countsFromEnd && ledger !== null) {
    if (ledger.nextFireMs !== null && ledger.nextFireMs > fromMs) yield ledger.nextFireMs;
    return;
  }
  const bounded = boundedTimes(times, spec);
  let afterMs = decidedMs(input, bounded);
  if (afterMs === null) return;
  for (afterMs = bounded.next(Math.max(afterMs, fromMs)); afterMs !== null; afterMs = bounded.next(afterMs)) {
    yield afterMs;
    // After the first one, the end of a run decides.
    if (countsFromEnd) return;
  }
}

/**
 * The next fires of a schedule, as if it were not paused. Those that an overlap will leave out are among them. Of `from: end` only
 * the first one is known; while it waits for a run, none is.
 */
export function previewFires(input: PreviewInput): PreviewedFire[] {
  const { schedule, times, days, limit } = input;
  const { spec, ledger } = schedule;
  const zone = zoneOf(spec.timezone);
  const runsLeft = spec.maxRuns === null ? limit : spec.maxRuns - (ledger?.runs ?? 0);
  const fires: PreviewedFire[] = [];
  if (Math.min(limit, runsLeft) <= 0) return fires;
  for (const fireMs of comingTimes(input)) {
    const localMs = fireMs + (zone?.offsetMs(fireMs) ?? 0);
    const note = times.noteOf(fireMs) ?? days?.note(Math.floor(localMs / DAY_MS)) ?? null;
    fires.push({ fireMs, localMs, note });
    if (fires.length >= Math.min(limit, runsLeft)) break;
  }
  return fires;
}
