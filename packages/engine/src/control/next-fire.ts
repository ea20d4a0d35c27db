/** The next fire of a schedule, for lists, until a scheduler has planned it. */
import {
  isCronFault,
  previewFires,
  timesOf,
  type CalendarDays,
  type StoredSchedule,
} from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { findCalendar } from '../calendars/calendars.ts';
import { knownCalendar, missingCalendar } from '../firer/calendar-cache.ts';

/** The days that count now. A calendar that is gone or cannot be read has none. */
export async function daysOf(broker: Broker, id: string): Promise<CalendarDays> {
  const info = await findCalendar(broker, id);
  return (info === null ? missingCalendar(id) : knownCalendar(info)).days;
}

/** Null = it has none, or its times cannot be read here, such as those of a zone that this machine does not know. */
export function nextFireOf(
  schedule: StoredSchedule,
  days: Pick<CalendarDays, 'dayFilter'> | null,
  nowMs: number,
): number | null {
  const times = timesOf(schedule.spec, days?.dayFilter);
  if (isCronFault(times)) return null;
  const [first] = previewFires({ schedule, times, days: null, fromMs: nowMs, limit: 1 });
  return first?.fireMs ?? null;
}
