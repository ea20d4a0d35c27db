import * as z from 'zod';
import { isCalendarFault, MAX_CALENDAR_DATES, readCalendar } from '@task-center/model';
import { strict } from '../strict.ts';
import { checked, label, time } from '../values.ts';

const DATE = { format: 'date', description: 'A day, in the time zone of the schedule' };
const ABOUT_OFF = 'Days on which no schedule with this calendar fires, sorted';
const ABOUT_ON = 'Days on which a weekday field passes that holds Monday to Friday, sorted';

const date = checked((text) => {
  const read = readCalendar({ off: [text] });
  return isCalendarFault(read) ? `must be ${read.expected}` : null;
}).meta({ ...DATE, pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', examples: ['2026-10-01'] });

const dates = (description: string) =>
  z
    .array(date)
    .max(MAX_CALENDAR_DATES, { error: `must be at most ${MAX_CALENDAR_DATES} dates in both lists together` })
    .default([])
    .meta({ description: `${description}. Default: none` });

/** The body of PUT: the whole of a calendar. A field that is left out is empty. */
export const calendarInput = strict({
  name: label.nullable().default(null).meta({ description: 'A name for people. Default: none' }),
  off: dates(ABOUT_OFF),
  on: dates(ABOUT_ON),
})
  .superRefine(({ off, on }, context) => {
    const read = readCalendar({ off, on });
    if (!isCalendarFault(read)) return;
    const message = `must be ${read.expected}`;
    context.addIssue({ code: 'custom', path: [...read.path], message, params: { code: 'invalid_value' } });
  })
  .meta({ id: 'CalendarInput' });

const day = z.string().meta(DATE);

/** A calendar in an answer. */
export const calendar = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    source: z.enum(['builtin', 'api']).meta({
      id: 'CalendarSource',
      description: 'builtin: it comes with the program, and only another whole calendar can take its place',
    }),
    off: z.array(day).meta({ description: ABOUT_OFF }),
    on: z.array(day).meta({ description: ABOUT_ON }),
    readable: z.boolean().meta({
      description: 'false = another program has spoilt what is stored: it has no days until it is put anew',
    }),
    created_at: time.nullable().meta({ description: 'null = it is built in' }),
    version: z.int().meta({ description: 'Grows with each change; 0 = it is built in' }),
  })
  .meta({
    id: 'Calendar',
    description: 'Days on which schedules do not fire, and worked days at weekends',
  });

export type Calendar = z.output<typeof calendar>;
