import type { DayFilter } from '../cron/reading.ts';
import { DAY_MS } from '../durations.ts';
import { dayNumberOf, type Calendar } from './calendar.ts';

/**
 * What a preview says about a fire: it falls on a worked weekend, or the calendar has no date in its year and plain weekdays
 * count.
 */
export type CalendarNote = 'calendar_on' | 'calendar_unknown';

/** A calendar as those see it who ask about single days. Made once for each version of it. */
export interface CalendarDays {
  readonly dayFilter: DayFilter;
  /** The years with a date in the calendar. In others plain weekdays count, and the scheduler says so. */
  readonly years: ReadonlySet<number>;
  /** The note on a fire of this day. */
  note(dayNumber: number): CalendarNote | null;
}

/** Prepares a calendar for looking days up. */
export function calendarDays({ off, on }: Calendar): CalendarDays {
  const days = new Map<number | null, 'off' | 'on'>();
  for (const date of off) days.set(dayNumberOf(date), 'off');
  for (const date of on) days.set(dayNumberOf(date), 'on');
  const years = new Set([...off, ...on].map((date) => Number(date.slice(0, 4))));
  const dayFilter: DayFilter = (dayNumber) => days.get(dayNumber) ?? null;
  return {
    dayFilter,
    years,
    note: (dayNumber) => {
      if (!years.has(new Date(dayNumber * DAY_MS).getUTCFullYear())) return 'calendar_unknown';
      return dayFilter(dayNumber) === 'on' ? 'calendar_on' : null;
    },
  };
}
