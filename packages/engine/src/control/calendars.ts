/** Calendars: the days on which schedules do not fire, and the weekends on which people work. */
import {
  isCalendarFault,
  isResourceId,
  MAX_CALENDARS,
  MAX_LABEL_LENGTH,
  readCalendar,
} from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import {
  CALENDAR_KIND,
  findCalendar,
  findCalendars,
  storedCalendar,
  type CalendarContent,
  type CalendarInfo,
} from '../calendars/calendars.ts';
import { callCheck, createFieldsCheck, createOptionsCheck, required } from '../checks/options.ts';
import { anyValue, checkOf, func, isList, orNull, withMethods } from '../checks/values.ts';
import { invalidValue, TaskCenterError } from '../errors/task-center-error.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { facetsOf } from './arguments.ts';
import {
  anyVersion,
  changeVersion,
  removeVersion,
  type VersionChange,
  type VersionedPlace,
  type VersionTest,
} from './versions.ts';

export type { CalendarContent, CalendarInfo } from '../calendars/calendars.ts';

/** A calendar as it is given: a list that is left out is empty. Dates are `YYYY-MM-DD`, in any order. */
export interface CalendarInput extends Partial<CalendarContent> {}

/** What a change of a calendar depends on. */
export interface CalendarChange {
  /** Default: any version. */
  readonly expects?: VersionTest;
  readonly clock?: Pick<Clock, 'wallMs'>;
}

const checkChange = createOptionsCheck<CalendarChange>('a change of a calendar', {
  expects: func,
  clock: withMethods('a clock', ['wallMs']),
});
const checkId = checkOf('1 to 64 of a-z 0-9 _ -, beginning with a letter or digit', isResourceId);
const label = checkOf(
  `a text of 1 to ${MAX_LABEL_LENGTH} characters`,
  (value) => typeof value === 'string' && value.trim() !== '' && Array.from(value).length <= MAX_LABEL_LENGTH,
);
const dates = checkOf('a list of dates', isList);
const checkFields = createOptionsCheck<CalendarInput>('a calendar', {
  name: orNull(label),
  off: dates,
  on: dates,
});

/** A calendar and its ID. */
export interface CalendarPut {
  readonly id: string;
  readonly calendar: CalendarInput;
}

/** A change of a part of a calendar. `change` makes the new content of the present one; it may be called several times, and may throw. */
export interface CalendarEdit {
  readonly id: string;
  change(content: CalendarContent): CalendarInput;
}

const checkPut = createFieldsCheck<CalendarPut>('put', {
  id: required(checkId),
  calendar: required(anyValue),
});
const checkEdit = createFieldsCheck<CalendarEdit>('edit', { id: required(checkId), change: required(func) });

/** What is given, with its days sorted. @throws TaskCenterError `invalid-value` */
function checkedContent(given: CalendarInput): CalendarContent {
  const { name = null, off, on } = checkFields(given, 'calendar');
  const read = callCheck('calendar', () => readCalendar({ off, on }));
  if (!isCalendarFault(read)) return { name, ...read };
  throw invalidValue(['calendar', ...read.path].join('.'), read.got, read.expected);
}

/** All calendars by ID, those that are built in, too. */
export function listCalendars(broker: Broker): Promise<CalendarInfo[]> {
  return findCalendars(facetsOf(broker, 'documents'));
}

const calendarNotFound = (id: string) => new TaskCenterError('calendar-not-found', { id });

/** @throws TaskCenterError `invalid-value`, `calendar-not-found` */
export async function getCalendar(broker: Broker, id: string): Promise<CalendarInfo> {
  checkId(id, 'id');
  const found = await findCalendar(facetsOf(broker, 'documents'), id);
  if (found === null) throw calendarNotFound(id);
  return found;
}

/** Several callers that make calendars at the same time may together exceed the limit. */
async function requireRoom({ documents }: Pick<Broker, 'documents'>, id: string): Promise<void> {
  const { length } = await documents.list(CALENDAR_KIND);
  if (length >= MAX_CALENDARS) throw new TaskCenterError('too-many-calendars', { id, limit: MAX_CALENDARS });
}

type CalendarPlace = VersionedPlace<CalendarInfo, CalendarContent>;

function placeOf(given: Broker, id: string, { clock = systemClock }: CalendarChange): CalendarPlace {
  const broker = facetsOf(given, 'documents');
  const { documents } = broker;
  return {
    kind: CALENDAR_KIND,
    id,
    read: () => findCalendar(broker, id),
    contentOf: ({ name, off, on }) => ({ name, off, on }),
    async write(content, before) {
      // Without a document there is none, or one that is built in.
      const stored = before?.version ?? 0;
      if (stored === 0) await requireRoom(broker, id);
      const createdAtMs = before?.createdAtMs ?? clock.wallMs();
      const document = storedCalendar(content, createdAtMs);
      const version = await documents.put(CALENDAR_KIND, id, document, stored);
      return { id, source: 'api', ...content, createdAtMs, version };
    },
    remove: ({ version }) => documents.remove(CALENDAR_KIND, id, version),
  };
}

/**
 * Stores a calendar in place of the one with this ID, if there is one. It may take the place of one that is built in, which comes
 * back when it is removed.
 *
 * @throws TaskCenterError `invalid-value`, `version-mismatch`, `too-many-calendars`
 */
export async function putCalendar(
  broker: Broker,
  put: CalendarPut,
  options: CalendarChange = {},
): Promise<VersionChange<CalendarInfo>> {
  const { id, calendar } = checkPut(put);
  checkChange(options, 'options');
  const content = checkedContent(calendar);
  return changeVersion(placeOf(broker, id, options), () => content, options.expects ?? anyVersion);
}

/**
 * Checks that a calendar exists and is not built in. A part of one that is built in cannot be changed: the rest would stay as it is for
 * ever, while new versions of the program bring new years.
 */
function requireOwn(id: string, verb: string, found: CalendarInfo | null): asserts found is CalendarInfo {
  if (found === null) throw calendarNotFound(id);
  if (found.source !== 'builtin') return;
  throw new TaskCenterError('managed-elsewhere', {
    what: `calendar "${id}"`,
    where: 'the program',
    instead: `It cannot be ${verb}. Put a whole calendar with this ID, which takes its place, or one with another ID.`,
  });
}

/**
 * Changes a part of a calendar.
 *
 * @throws TaskCenterError `invalid-value`, `calendar-not-found`, `managed-elsewhere`, `version-mismatch`
 */
export async function changeCalendar(
  broker: Broker,
  edit: CalendarEdit,
  options: CalendarChange = {},
): Promise<VersionChange<CalendarInfo>> {
  const { id, change } = checkEdit(edit);
  checkChange(options, 'options');
  const place = placeOf(broker, id, options);
  const next = (before: CalendarInfo | null) => {
    requireOwn(id, 'changed in part', before);
    return checkedContent(change(place.contentOf(before)));
  };
  return changeVersion(place, next, options.expects ?? anyVersion);
}

/** @throws TaskCenterError `invalid-value`, `calendar-not-found`, `managed-elsewhere`, `version-mismatch` */
export async function removeCalendar(
  broker: Broker,
  id: string,
  options: CalendarChange = {},
): Promise<void> {
  checkId(id, 'id');
  checkChange(options, 'options');
  const check: (before: CalendarInfo | null) => asserts before is CalendarInfo = (before) =>
    requireOwn(id, 'deleted', before);
  await removeVersion(placeOf(broker, id, options), check, options.expects ?? anyVersion);
}
