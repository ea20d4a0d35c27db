/** Calendars: the days on which schedules do not fire, and the weekends on which people work. */
import {
  isCalendarFault,
  isResourceId,
  MAX_CALENDARS,
  MAX_LABEL_LENGTH,
  plainTaskId,
  readCalendar,
} from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { MAX_SCHEDULE_NAMES, type SchedulePage, type ScheduleRef } from '../broker/schedule-records.ts';
import {
  CALENDAR_KIND,
  findCalendar,
  findCalendars,
  isBuiltIn,
  removedCalendar,
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

/** Schedules that an error names. */
const MAX_NAMED_SCHEDULES = 3;

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
  const { length } = (await findCalendars({ documents })).filter(({ source }) => source === 'api');
  if (length >= MAX_CALENDARS) throw new TaskCenterError('too-many-calendars', { id, limit: MAX_CALENDARS });
}

/** The broker's clock, which schedules go by. */
async function brokerTime({ schedules }: Broker, clock: Pick<Clock, 'wallMs'>): Promise<number> {
  return schedules ? (await schedules.get([])).nowMs : clock.wallMs();
}

/** IDs of schedules that follow a calendar, at most `limit`. */
async function followersOf(broker: Broker, id: string, limit: number): Promise<string[]> {
  const { schedules, inspect } = broker;
  const ids: string[] = [];
  const queues = schedules ? await inspect.queues() : [];
  for (let from = 0; schedules && from < queues.length && ids.length < limit; from += MAX_SCHEDULE_NAMES) {
    const part = queues.slice(from, from + MAX_SCHEDULE_NAMES);
    let after: ScheduleRef | null = null;
    do {
      const page: SchedulePage = await schedules.list({ queues: part, calendar: id, limit, after });
      ids.push(...page.schedules.map(({ name, business }) => plainTaskId(name, business)));
      after = page.next;
    } while (after !== null && ids.length < limit);
  }
  return ids.slice(0, limit);
}

/**
 * Schedules that follow a calendar would go on without its days. One in place of a built-in one leaves that behind. A schedule that is
 * put at this moment may still come to name it: then plain weekdays count, and its preview and an event say so.
 */
async function requireUnused(broker: Broker, id: string): Promise<void> {
  if (isBuiltIn(id)) return;
  const schedules = await followersOf(broker, id, MAX_NAMED_SCHEDULES);
  if (schedules.length > 0) throw new TaskCenterError('calendar-in-use', { id, schedules });
}

const contentIn = ({ name, off, on }: CalendarInfo): CalendarContent => ({ name, off, on });

type CalendarPlace = VersionedPlace<CalendarInfo, CalendarContent>;

function placeOf(given: Broker, id: string, { clock = systemClock }: CalendarChange): CalendarPlace {
  const broker = facetsOf(given, 'documents');
  const { documents } = broker;
  return {
    kind: CALENDAR_KIND,
    id,
    read: () => findCalendar(broker, id),
    // What cannot be read is like nothing that can be put: it is always written anew.
    contentOf: (info) => (info.isReadable ? contentIn(info) : { ...contentIn(info), name: '' }),
    async write(content, before) {
      if (before?.source !== 'api') await requireRoom(broker, id);
      const createdAtMs = before?.createdAtMs ?? clock.wallMs();
      const changedAtMs = [...(before?.changedAtMs ?? []), await brokerTime(given, clock)];
      const document = storedCalendar(content, { createdAtMs, changedAtMs });
      const version = await documents.put(CALENDAR_KIND, id, document, before?.storedVersion ?? 0);
      const state = { createdAtMs, version, storedVersion: version, isReadable: true, changedAtMs };
      return { id, source: 'api', ...content, ...state };
    },
    async remove({ version, createdAtMs, changedAtMs: before }) {
      await requireUnused(given, id);
      if (!isBuiltIn(id)) return documents.remove(CALENDAR_KIND, id, version);
      const changedAtMs = [...before, await brokerTime(given, clock)];
      const removed = removedCalendar({ createdAtMs: createdAtMs ?? clock.wallMs(), changedAtMs });
      return documents.put(CALENDAR_KIND, id, removed, version);
    },
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
    return checkedContent(change(contentIn(before)));
  };
  return changeVersion(place, next, options.expects ?? anyVersion);
}

/** @throws TaskCenterError `invalid-value`, `calendar-not-found`, `calendar-in-use`, `managed-elsewhere`, `version-mismatch` */
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
