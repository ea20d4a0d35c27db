/** The calendars of a broker: documents, and those that come with the program. */
import { BUILT_IN_CALENDARS, isCalendarFault, readCalendar, type Calendar } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { StoredDocument } from '../broker/documents.ts';

/** Kind of the documents; their IDs are those of the calendars. */
export const CALENDAR_KIND = 'calendar';

/** What a caller gives to a calendar. */
export interface CalendarContent extends Calendar {
  /** For people, such as `Bank holidays in Scotland`; null = it has none. */
  readonly name: string | null;
}

/** A calendar as schedules and people see it. */
export interface CalendarInfo extends CalendarContent {
  readonly id: string;
  /** `builtin`: it comes with the program; `api`: somebody has put it. */
  readonly source: 'builtin' | 'api';
  /** Wall-clock ms; null = it is built in. */
  readonly createdAtMs: number | null;
  /** Grows with each change; 0 = it is built in. */
  readonly version: number;
}

/** What a document of a calendar has. Further fields may come; those that are there stay. */
interface StoredCalendar extends Calendar {
  readonly name: string | null;
  readonly created_at_ms: number;
}

export const storedCalendar = ({ name, off, on }: CalendarContent, createdAtMs: number): StoredCalendar => ({
  name,
  off,
  on,
  created_at_ms: createdAtMs,
});

/** The calendar in a document. One that another program has spoilt counts as empty: it is seen, and can be put anew. */
function calendarIn({ id, version, value }: StoredDocument): CalendarInfo {
  const {
    name,
    off,
    on,
    created_at_ms: createdAtMs,
  } = Object(value) as Partial<Record<keyof StoredCalendar, unknown>>;
  const read = readCalendar({ off, on });
  return {
    id,
    name: typeof name === 'string' ? name : null,
    source: 'api',
    ...(isCalendarFault(read) ? { off: [], on: [] } : read),
    createdAtMs: Number.isSafeInteger(createdAtMs) ? Number(createdAtMs) : null,
    version,
  };
}

function builtIn(id: string): CalendarInfo | null {
  if (!Object.hasOwn(BUILT_IN_CALENDARS, id)) return null;
  const { off, on } = BUILT_IN_CALENDARS[id]!;
  return { id, name: null, source: 'builtin', off, on, createdAtMs: null, version: 0 };
}

/** The calendar with this ID; null = there is none. One that was put has precedence over one that is built in. */
export async function findCalendar(
  { documents }: Pick<Broker, 'documents'>,
  id: string,
): Promise<CalendarInfo | null> {
  const document = await documents.get(CALENDAR_KIND, id);
  return document === null ? builtIn(id) : calendarIn(document);
}

/** All calendars, by ID. */
export async function findCalendars({ documents }: Pick<Broker, 'documents'>): Promise<CalendarInfo[]> {
  const found = new Map(Object.keys(BUILT_IN_CALENDARS).map((id) => [id, builtIn(id)!]));
  for (const document of await documents.list(CALENDAR_KIND)) found.set(document.id, calendarIn(document));
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
