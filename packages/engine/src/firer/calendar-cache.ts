import { createHash } from 'node:crypto';
import { calendarDays, type CalendarDays } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { findCalendars, type CalendarInfo } from '../calendars/calendars.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EngineEvents } from '../runtime/events.ts';

/** Calendars that were read this long ago are read again: an edit takes effect within 10 s. */
const MAX_CALENDAR_AGE_MS = 5_000;

/** A calendar as plans need it. */
export interface KnownCalendar {
  readonly id: string;
  /** Another one when its days have changed. */
  readonly version: number;
  readonly days: CalendarDays;
  /** Why it has no dates in a year that it lacks: see the event `calendar.incomplete`. */
  readonly cause: EngineEvents['calendar.incomplete']['cause'];
  readonly changedAtMs: readonly number[];
}

/** One that nobody has, or that cannot be read: plain weekdays count. Stored ones have versions from 1. */
const NO_DAYS = { version: 0, days: calendarDays({ off: [], on: [] }), changedAtMs: [] };

/** A calendar that schedules name and nobody has. */
export const missingCalendar = (id: string): KnownCalendar => ({ id, ...NO_DAYS, cause: 'missing' });

/** Built-in calendars change with the program: other days make another version. */
const builtInVersion = ({ off, on }: CalendarInfo): number =>
  -1 -
  createHash('sha1')
    .update(JSON.stringify([off, on]))
    .digest()
    .readUInt32BE();

/** Where a built-in calendar has come back: that of the stored mark which says so, and since when. */
function versionOf(info: CalendarInfo): number {
  if (!info.isReadable) return NO_DAYS.version;
  return info.storedVersion > 0 ? info.storedVersion : builtInVersion(info);
}

/** A calendar, with its days prepared for many questions. */
export function knownCalendar(info: CalendarInfo): KnownCalendar {
  const { id, changedAtMs } = info;
  if (!info.isReadable) return { id, ...NO_DAYS, cause: 'unreadable' };
  return { id, version: versionOf(info), days: calendarDays(info), cause: 'year', changedAtMs };
}

/**
 * When a calendar was changed first after the version that a plan was made with. What it lets fire from then on is made, what it
 * would have let fire before is not. Where nobody knows, it is now.
 *
 * @param planned the version of the plan
 * @param nowMs by the broker's clock
 */
export function changedSinceMs(
  { version, changedAtMs }: KnownCalendar,
  planned: number | null,
  nowMs: number,
): number {
  // One that was missing or built in before: it is all new.
  const changes = planned !== null && planned > 0 ? version - planned : Infinity;
  const firstMs = changedAtMs[Math.max(0, changedAtMs.length - changes)];
  return firstMs === undefined ? nowMs : Math.min(firstMs, nowMs);
}

/** The days of all calendars, read together and not too often, however many schedules ask. */
export class CalendarCache {
  readonly #broker: Pick<Broker, 'documents'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #byId = new Map<string, KnownCalendar>();
  #readMs = -Infinity;

  constructor(broker: Pick<Broker, 'documents'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#broker = broker;
    this.#clock = clock;
  }

  /** Reads the calendars again if that was long ago. @param maxAgeMs 0 = in any case */
  async refresh(maxAgeMs = MAX_CALENDAR_AGE_MS): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#readMs < maxAgeMs) return;
    const known = this.#byId;
    const found = await findCalendars(this.#broker);
    this.#byId = new Map(
      found.map((info) => {
        const before = known.get(info.id);
        const isSame = info.isReadable && before?.version === versionOf(info);
        return [info.id, isSame ? before : knownCalendar(info)];
      }),
    );
    this.#readMs = Math.max(this.#readMs, nowMs);
  }

  /** All calendars, as they were read last. */
  all(): readonly KnownCalendar[] {
    return [...this.#byId.values()];
  }

  /** One without days stands for a calendar that does not exist. */
  of(id: string): KnownCalendar {
    return this.#byId.get(id) ?? missingCalendar(id);
  }
}
