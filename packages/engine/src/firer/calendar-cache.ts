import { calendarDays, type CalendarDays } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { findCalendars, type CalendarInfo } from '../calendars/calendars.ts';
import type { Clock } from '../runtime/clock.ts';

/** Calendars that were read this long ago are read again: an edit takes effect within 10 s. */
const MAX_CALENDAR_AGE_MS = 5_000;

/** A calendar as plans need it. */
export interface KnownCalendar {
  readonly id: string;
  /** Another one when its days have changed. */
  readonly version: number;
  readonly days: CalendarDays;
}

/** A calendar that schedules name and nobody has: plain weekdays count. Stored ones have versions from 1. */
const NO_DAYS: Omit<KnownCalendar, 'id'> = { version: 0, days: calendarDays({ off: [], on: [] }) };

/** Built-in calendars change with the program: more days make another version. */
const versionOf = ({ source, version, off, on }: CalendarInfo): number =>
  source === 'builtin' ? -(off.length + on.length) : version;

/** A calendar, with its days prepared for many questions. */
export const knownCalendar = (info: CalendarInfo): KnownCalendar => ({
  id: info.id,
  version: versionOf(info),
  days: calendarDays(info),
});

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

  /** Reads the calendars again if that was long ago. */
  async refresh(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#readMs < MAX_CALENDAR_AGE_MS) return;
    const known = this.#byId;
    const found = await findCalendars(this.#broker);
    this.#byId = new Map(
      found.map((info) => {
        const before = known.get(info.id);
        const isSame = before?.version === versionOf(info);
        return [info.id, isSame ? before : knownCalendar(info)];
      }),
    );
    this.#readMs = nowMs;
  }

  /** All calendars, as they were read last. */
  all(): readonly KnownCalendar[] {
    return [...this.#byId.values()];
  }

  /** One without days stands for a calendar that does not exist. */
  of(id: string): KnownCalendar {
    return this.#byId.get(id) ?? { id, ...NO_DAYS };
  }
}
