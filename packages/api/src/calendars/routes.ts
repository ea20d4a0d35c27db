// Calendars, which schedules name by their IDs. A resource with versions: docs/design/http-api.md#versions.

import { patchOf } from '../merge-patch.ts';
import { pageOf } from '../page.ts';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { byId } from '../values.ts';
import { calendar, calendarInput } from './schemas.ts';

const { get, put, patch, del } = resource('calendars');

export const calendarRoutes = {
  listCalendars: get('/v1/calendars', {
    role: 'viewer',
    summary: 'All calendars, those that are built in, too',
    query: strict({}, ['limit', 'cursor']),
    answers: { 200: pageOf('CalendarPage', calendar) },
  }),
  getCalendar: get('/v1/calendars/{id}', {
    role: 'viewer',
    summary: 'A calendar with its days',
    params: byId,
    versioned: true,
    answers: { 200: calendar },
    problems: ['not-found'],
  }),
  /** One that is built in can be replaced: it comes back when its replacement is deleted. */
  putCalendar: put('/v1/calendars/{id}', {
    role: 'operator',
    summary: 'Make a calendar, or replace the whole of it',
    params: byId,
    versioned: true,
    body: calendarInput,
    answers: { 200: calendar, 201: calendar },
  }),
  patchCalendar: patch('/v1/calendars/{id}', {
    role: 'operator',
    summary: 'Change parts of a calendar; a list is replaced as a whole',
    params: byId,
    versioned: true,
    body: patchOf(calendarInput),
    answers: { 200: calendar },
    problems: ['not-found', 'managed-elsewhere'],
  }),
  deleteCalendar: del('/v1/calendars/{id}', {
    role: 'operator',
    summary: 'Delete a calendar',
    params: byId,
    versioned: true,
    answers: { 204: null },
    problems: ['not-found', 'calendar-in-use', 'managed-elsewhere'],
  }),
};
