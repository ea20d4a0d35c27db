import type { ScheduleRecord, ScheduleRef } from '../broker/schedule-records.ts';
import { MAX_SCHEDULE_NAMES } from '../broker/schedule-records.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import type { CalendarCache, KnownCalendar } from './calendar-cache.ts';
import { ledgerIn } from './plan-write.ts';

/** Schedules per page of a sweep. */
const PAGE_SIZE = 100;
/** Most pages of one step. */
const MAX_PAGES = 8;

/** While schedules are swept, calendars are read this often at most. */
const MIN_WATCH_MS = 1_000;

/** A sweep over the schedules that follow a calendar. */
interface Sweep {
  readonly calendar: KnownCalendar;
  /** Those with schedules that are not swept yet, in parts that one call takes. */
  readonly queues: string[][];
  after: ScheduleRef | null;
}

/** Whether the plan of a schedule was made with other days. */
export function hasOtherDays(
  { ledger }: Pick<ScheduleRecord, 'ledger'>,
  { version }: KnownCalendar,
): boolean {
  try {
    return (ledgerIn(ledger)?.calendarVersion ?? version) !== version;
  } catch {
    // The next look at it tells that it cannot be read.
    return false;
  }
}

/** Lists in parts of a bounded length. */
function inParts(names: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let from = 0; from < names.length; from += MAX_SCHEDULE_NAMES)
    parts.push(names.slice(from, from + MAX_SCHEDULE_NAMES));
  return parts;
}

/**
 * Has schedules planned anew when the days of their calendar have changed: a day that is worked now may come before the next fire
 * that was planned. At the start all are compared, as a calendar may have changed while nobody looked.
 */
export class CalendarWatch {
  readonly #schedules: Pick<ScheduleStore, 'list' | 'lookNow'>;
  readonly #calendars: CalendarCache;
  /** Versions that schedules were compared with, by the calendar's ID. */
  readonly #swept = new Map<string, number>();
  readonly #sweeps: Sweep[] = [];

  constructor(schedules: Pick<ScheduleStore, 'list' | 'lookNow'>, calendars: CalendarCache) {
    this.#schedules = schedules;
    this.#calendars = calendars;
  }

  /** One bounded step. @param queues those with schedules. @returns whether there is more to do at once */
  async step(queues: readonly string[]): Promise<boolean> {
    if (queues.length === 0) return false;
    // Whenever a look has read them: an edit must take effect within 10 s, and the next survey may be 6 s away.
    await this.#calendars.refresh(MIN_WATCH_MS);
    this.#begin(queues);
    for (let page = 0; page < MAX_PAGES && this.#sweeps.length > 0; page += 1) await this.#sweepPage();
    return this.#sweeps.length > 0;
  }

  #begin(queues: readonly string[]): void {
    const calendars = new Map(this.#calendars.all().map((calendar) => [calendar.id, calendar]));
    // One that was removed: its schedules follow plain weekdays from now on.
    for (const id of this.#swept.keys()) if (!calendars.has(id)) calendars.set(id, this.#calendars.of(id));
    for (const calendar of calendars.values()) {
      if (this.#swept.get(calendar.id) === calendar.version) continue;
      this.#swept.set(calendar.id, calendar.version);
      this.#sweeps.push({ calendar, queues: inParts(queues), after: null });
    }
  }

  async #sweepPage(): Promise<void> {
    const [sweep] = this.#sweeps;
    const queues = sweep?.queues[0];
    if (!sweep || !queues) return void this.#sweeps.shift();
    const { calendar, after } = sweep;
    const page = await this.#schedules.list({ queues, calendar: calendar.id, limit: PAGE_SIZE, after });
    const outOfDate = page.schedules.filter(
      // Also one that had no day left. A paused one is planned anew when it is resumed.
      (record) => record.pauseReason === null && hasOtherDays(record, calendar),
    );
    if (outOfDate.length > 0)
      await this.#schedules.lookNow(outOfDate.map(({ queue, name }) => ({ queue, name })));
    sweep.after = page.next;
    if (page.next === null) sweep.queues.shift();
    if (sweep.queues.length === 0) this.#sweeps.shift();
  }
}
