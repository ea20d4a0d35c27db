/** Calendars: list, show, put, change and delete. All schedules share them: a key that is bound to some may only look. */
import { timeText, type Calendar } from '@task-center/api';
import { control } from '@task-center/engine';
import { requireUnbound, type Principal } from '../../auth/principal.ts';
import type { Call, Handlers, Reply } from '../call.ts';
import { merged } from '../validate.ts';

function present(calendar: control.CalendarInfo): Calendar {
  const {
    createdAtMs,
    off,
    on,
    isReadable: readable,
    changedAtMs: _changed,
    storedVersion: _stored,
    ...info
  } = calendar;
  const created_at = createdAtMs === null ? null : timeText(createdAtMs);
  return { ...info, off: [...off], on: [...on], readable, created_at };
}

const mayChange = (principal: Principal): void => requireUnbound(principal, 'change calendars');

/** `GET /v1/calendars` */
async function listCalendars({ deps }: Call<'listCalendars'>): Promise<Reply> {
  const data = (await control.listCalendars(deps.broker)).map(present);
  return { body: { data, next_cursor: null, total: data.length, scanned: null } };
}

/** `GET /v1/calendars/{id}` */
async function getCalendar({ params, deps }: Call<'getCalendar'>): Promise<Reply> {
  return { body: present(await control.getCalendar(deps.broker, params.id)) };
}

/** `PUT /v1/calendars/{id}` */
async function putCalendar({ params, body, expects, principal, deps }: Call<'putCalendar'>): Promise<Reply> {
  mayChange(principal);
  const options = { expects, clock: deps.runtime.clock };
  const { item, isNew } = await control.putCalendar(deps.broker, { id: params.id, calendar: body }, options);
  return { status: isNew ? 201 : 200, body: present(item) };
}

/** `PATCH /v1/calendars/{id}` */
async function patchCalendar(call: Call<'patchCalendar'>): Promise<Reply> {
  const { params, body, expects, principal, deps } = call;
  mayChange(principal);
  const change = (content: control.CalendarContent) => merged('putCalendar', content, body);
  const { item } = await control.changeCalendar(deps.broker, { id: params.id, change }, { expects });
  return { body: present(item) };
}

/** `DELETE /v1/calendars/{id}` */
async function deleteCalendar(call: Call<'deleteCalendar'>): Promise<Reply> {
  const { params, expects, principal, deps } = call;
  mayChange(principal);
  await control.removeCalendar(deps.broker, params.id, { expects });
  return { status: 204 };
}

export const calendarHandlers = {
  listCalendars,
  getCalendar,
  putCalendar,
  patchCalendar,
  deleteCalendar,
} satisfies Partial<Handlers>;
