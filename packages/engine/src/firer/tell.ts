// What the firer tells: events, and lines of the log.
import type { NewFire } from '../broker/fires.ts';
import type { DueSchedule } from '../broker/schedules.ts';
import type { EngineEvents } from '../runtime/events.ts';
import type { Log } from '../runtime/log.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Decided } from './plan-write.ts';
import type { ReadSpec } from './spec-cache.ts';

/** What nobody has made in time, or the queue has refused until its grace was over. */
const LOST_OUTCOMES = new Set<NewFire['outcome']>(['skipped_misfire', 'refused']);
/** Years of calendars that were told to be missing. */
const MAX_TOLD_YEARS = 1_000;

/** Why a calendar says nothing about a day. */
const WHY_INCOMPLETE = {
  year: 'a calendar has no dates in this year',
  missing: 'a schedule names a calendar that does not exist',
  unreadable: 'a calendar cannot be read',
} as const satisfies Record<EngineEvents['calendar.incomplete']['cause'], string>;

export interface TellDeps {
  readonly events: Runtime['events'];
  readonly log: Log;
}

/** Makes the function that tells, once for each year, that a calendar has no dates in the year of a fire. */
export function createYearTeller({ events, log }: TellDeps) {
  const told = new Set<string>();
  return ({ queue, name }: DueSchedule, { calendar }: ReadSpec, fireMs: number): void => {
    if (calendar === null) return;
    // The day of its zone may lie in the next year: then the first fire of that year tells.
    const year = new Date(fireMs).getUTCFullYear();
    const { cause } = calendar;
    const key = `${year} ${calendar.id} ${cause}`;
    if (calendar.days.years.has(year) || told.has(key)) return;
    if (told.size >= MAX_TOLD_YEARS) told.clear();
    told.add(key);
    log.warn(
      { queue, schedule: name, calendar: calendar.id, year },
      `${WHY_INCOMPLETE[cause]}; plain weekdays count`,
    );
    events.emit('calendar.incomplete', { calendar: calendar.id, cause, year, queue, schedule: name });
  };
}

/** Tells what was written about a schedule. */
export function tellWritten(
  { events, log }: TellDeps,
  { due: { queue, name }, write, plan }: Decided & { readonly due: DueSchedule },
  nowMs: number,
): void {
  const about = { queue, schedule: name };
  const isToldOfFires = events.has('schedule.fired');
  for (const { outcome, fireMs, toMs, count, tasks } of write.fires) {
    // What has tasks was made, whatever its outcome is called.
    const [first] = tasks;
    if (first !== undefined) {
      if (!isToldOfFires) continue;
      const [taskId, lateMs] = [first.id, nowMs - fireMs];
      events.emit('schedule.fired', { ...about, outcome, fireMs, lateMs, taskId, tasks: tasks.length });
      continue;
    }
    events.emit('schedule.skipped', { ...about, outcome, count, fromMs: fireMs, toMs });
    if (!LOST_OUTCOMES.has(outcome)) continue;
    const fields = {
      ...about,
      outcome,
      count,
      from: new Date(fireMs).toISOString(),
      to: new Date(toMs).toISOString(),
    };
    log.warn(fields, 'fires of a schedule were left out');
  }
  if (plan === null || plan.setBackMs === 0) return;
  log.warn(
    { ...about, set_back_ms: plan.setBackMs },
    'the clock of the broker was set back far; the schedule is planned from now on',
  );
  events.emit('schedule.replanned', { ...about, setBackMs: plan.setBackMs });
}
