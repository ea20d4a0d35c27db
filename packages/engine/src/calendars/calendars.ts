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
  /** Of what is stored; 0 = nothing is. A built-in calendar has one that came back in place of a stored one. */
  readonly storedVersion: number;
  /** False = another program has spoilt what is stored. It counts as empty, and can be put anew. */
  readonly isReadable: boolean;
  /** When its newest versions were written, at most 16, the last one last. Wall-clock ms by the broker's clock. */
  readonly changedAtMs: readonly number[];
}

/** What a document of a calendar has. Further fields may come; those that are there stay. */
interface StoredCalendar extends Calendar {
  readonly name: string | null;
  readonly created_at_ms: number;
  readonly changed_at_ms: readonly number[];
  /** The built-in calendar has come back. What follows it is told since when. */
  readonly removed?: true;
}

/** Changes whose time is kept. */
const MAX_CHANGES = 16;

export const storedCalendar = (
  { name, off, on }: CalendarContent,
  { createdAtMs, changedAtMs }: Pick<CalendarInfo, 'changedAtMs'> & { readonly createdAtMs: number },
): StoredCalendar => ({
  name,
  off,
  on,
  created_at_ms: createdAtMs,
  changed_at_ms: changedAtMs.slice(-MAX_CHANGES),
});

/** What stays in place of a stored calendar that was removed, where there is a built-in one. */
export const removedCalendar = (changed: Parameters<typeof storedCalendar>[1]): StoredCalendar => ({
  ...storedCalendar({ name: null, off: [], on: [] }, changed),
  removed: true,
});

const isTime = (value: unknown): value is number => Number.isSafeInteger(value);

/** The calendar in a document. One that another program has spoilt counts as empty: it is seen, and can be put anew. */
function calendarIn({ id, version, value }: StoredDocument): CalendarInfo {
  const {
    name,
    off,
    on,
    created_at_ms: createdAtMs,
    changed_at_ms: changedAtMs,
    removed,
  } = Object(value) as Partial<Record<keyof StoredCalendar, unknown>>;
  const changes = Array.isArray(changedAtMs) ? changedAtMs.filter(isTime) : [];
  const back = removed === true ? builtIn(id) : null;
  if (back !== null) return { ...back, storedVersion: version, changedAtMs: changes };
  const read = readCalendar({ off, on });
  const isReadable = typeof value === 'object' && value !== null && !isCalendarFault(read);
  return {
    id,
    name: typeof name === 'string' ? name : null,
    source: 'api',
    ...(isCalendarFault(read) ? { off: [], on: [] } : read),
    createdAtMs: isTime(createdAtMs) ? createdAtMs : null,
    version,
    storedVersion: version,
    isReadable,
    changedAtMs: changes,
  };
}

/** Whether a calendar with this ID comes with the program. */
export const isBuiltIn = (id: string): boolean => Object.hasOwn(BUILT_IN_CALENDARS, id);

function builtIn(id: string): CalendarInfo | null {
  if (!isBuiltIn(id)) return null;
  const { off, on } = BUILT_IN_CALENDARS[id]!;
  const stored = { createdAtMs: null, version: 0, storedVersion: 0, isReadable: true, changedAtMs: [] };
  return { id, name: null, source: 'builtin', off, on, ...stored };
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
