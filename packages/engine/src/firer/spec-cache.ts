import { isCronFault, timesOf, type ScheduleSpec, type Times, type TimesSettings } from '@task-center/model';
import type { ScheduleRecord } from '../broker/schedule-records.ts';
import type { CalendarCache, KnownCalendar } from './calendar-cache.ts';
import { scheduledPayload } from './fire-tasks.ts';

/** A specification that was read: parsed once for many fires. */
export interface ReadSpec {
  readonly spec: ScheduleSpec;
  /** Its times, without the days off of its calendar. */
  readonly times: Times;
  /** The same of each of its former times. */
  readonly formerTimes: readonly Times[];
  readonly calendar: KnownCalendar | null;
  /** Of its tasks. */
  readonly payload: Uint8Array | null;
}

interface CachedSpec {
  readonly specStamp: number;
  readonly calendarVersion: number | null;
  readonly read: ReadSpec;
}

/** Specifications that are kept, about 1 KB each and their payload. Then the one that was used longest ago goes. */
const MAX_SPECS = 10_000;
/** Bytes of texts that are kept: large payloads leave room for fewer. */
const MAX_SPEC_BYTES = 16_777_216;

/** The times of a specification. @throws Error if this machine cannot read it, such as a zone that it does not know */
export function readTimesOf(
  spec: TimesSettings & Pick<ScheduleSpec, 'createdMs'>,
  calendar: KnownCalendar | null,
): Times {
  const times = timesOf(spec, calendar?.days.dayFilter);
  if (isCronFault(times)) throw new Error(`${times.field ?? 'its times'}: ${times.got}`);
  return times;
}

/** Whether it may have former times, which may have followed a calendar. Says so without parsing. */
export const mayHaveFormerTimes = ({ spec }: Pick<ScheduleRecord, 'spec'>): boolean =>
  spec.includes('"former":[');

/** Specifications by schedule. A stored one never changes without a new stamp. */
export class SpecCache {
  readonly #byName = new Map<string, CachedSpec & { readonly bytes: number }>();
  #bytes = 0;

  /** @throws Error if it cannot be read */
  read(
    record: Pick<ScheduleRecord, 'name' | 'spec' | 'specStamp'>,
    calendar: KnownCalendar | null,
    calendars: Pick<CalendarCache, 'of'>,
  ): ReadSpec {
    const known = this.#byName.get(record.name);
    // Put back at the end: the first one was used longest ago.
    this.#forget(record.name);
    const calendarVersion = calendar?.version ?? null;
    const isSame = known?.specStamp === record.specStamp && known.calendarVersion === calendarVersion;
    const read = isSame ? known.read : this.#parse(record.spec, calendar, calendars);
    const bytes = record.spec.length;
    this.#byName.set(record.name, { specStamp: record.specStamp, calendarVersion, read, bytes });
    this.#bytes += bytes;
    this.#makeRoom();
    return read;
  }

  #parse(text: string, calendar: KnownCalendar | null, calendars: Pick<CalendarCache, 'of'>): ReadSpec {
    const spec = JSON.parse(text) as ScheduleSpec;
    const { createdMs, former = [] } = spec;
    const formerTimes = former.map((each) =>
      readTimesOf({ ...each, createdMs }, each.calendar === null ? null : calendars.of(each.calendar)),
    );
    const times = readTimesOf(spec, calendar);
    return { spec, times, formerTimes, calendar, payload: scheduledPayload(spec.task) };
  }

  #makeRoom(): void {
    while (this.#byName.size > MAX_SPECS || (this.#bytes > MAX_SPEC_BYTES && this.#byName.size > 1)) {
      const [oldest = ''] = this.#byName.keys();
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    this.#bytes -= this.#byName.get(name)?.bytes ?? 0;
    this.#byName.delete(name);
  }
}
