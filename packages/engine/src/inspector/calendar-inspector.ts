import type { Broker } from '../broker/broker.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { wholeNumber } from '../checks/values.ts';
import * as control from '../control/index.ts';
import type { CalendarInfo, CalendarInput } from '../control/index.ts';

/** What a change is for. */
export interface ExpectedVersion {
  /** The version that must be there, which `get` has told; 0 = there must be no other calendar than a built-in one. Default: any. */
  readonly expectedVersion?: number;
}

const checkExpected = createOptionsCheck<ExpectedVersion>('calendars', { expectedVersion: wholeNumber(0) });

function changeOf(options: ExpectedVersion): control.CalendarChange {
  const { expectedVersion } = checkExpected(options);
  if (expectedVersion === undefined) return {};
  return { expects: (version) => (version ?? 0) === expectedVersion };
}

/**
 * Shows calendars, and puts and removes them: the days on which the schedules that name them do not fire, and the days at weekends on
 * which people work. Dates are `YYYY-MM-DD`, in the time zone of each schedule.
 */
export class CalendarInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** All calendars by ID, those that are built in, too. */
  list(): Promise<CalendarInfo[]> {
    return control.listCalendars(this.#broker);
  }

  /** @throws TaskCenterError `invalid-value`, `calendar-not-found` */
  get(id: string): Promise<CalendarInfo> {
    return control.getCalendar(this.#broker, id);
  }

  /**
   * Stores a calendar in place of the one with this ID, if there is one. Resolves to what is stored. One that is the same already is
   * not written again, and keeps its version.
   *
   * ```ts
   * await inspector.calendars.put('office', { name: 'Our office', off: ['2026-12-24'], on: [] });
   * ```
   *
   * @throws TaskCenterError `invalid-value`, `version-mismatch`, `too-many-calendars`
   */
  async put(id: string, calendar: CalendarInput, options: ExpectedVersion = {}): Promise<CalendarInfo> {
    const { item } = await control.putCalendar(this.#broker, { id, calendar }, changeOf(options));
    return item;
  }

  /** @throws TaskCenterError `invalid-value`, `calendar-not-found`, `calendar-in-use`, `managed-elsewhere` (built in), `version-mismatch` */
  async remove(id: string, options: ExpectedVersion = {}): Promise<void> {
    await control.removeCalendar(this.#broker, id, changeOf(options));
  }
}
