// `calendars`: lists, shows, puts and deletes the calendars of schedules through the HTTP API. The service checks all rights and
// values.

import type { Calendar } from '@task-center/api';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { fileBytes, jsonText } from '../json-input.ts';
import { oneLine, painter, pairs, table, type Column, type Paint } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';
import {
  addIfVersion,
  addPutConditions,
  matchOf,
  putWith,
  type PutOptions,
  type VersionOptions,
} from '../versions.ts';

interface ShowOptions extends ServiceOptions {
  readonly json?: boolean;
}
interface ChangeOptions extends ShowOptions, VersionOptions {}
interface CalendarPutOptions extends ShowOptions, PutOptions {
  /** A file with the calendar in JSON; `-` = standard input. Required. */
  readonly file?: string;
}

/** What is said of a calendar whose document another program has overwritten. */
const SPOILT = 'cannot be read, and has no days until it is put anew';

const COLUMNS: readonly Column<Calendar>[] = [
  { title: 'id', text: ({ id }) => id },
  { title: 'source', text: ({ source }) => source },
  { title: 'off', right: true, text: ({ off }) => String(off.length) },
  { title: 'on', right: true, text: ({ on }) => String(on.length) },
  { title: 'version', right: true, text: ({ version }) => String(version) },
  { title: 'name', text: ({ name }) => name ?? '' },
  { title: '', text: ({ readable }) => (readable ? '' : SPOILT) },
];

/** The dates of a list, a line for each year: `off 2026`, `10-01 10-02`. */
function years(title: string, dates: readonly string[]): (readonly [string, string])[] {
  const byYear = new Map<string, string[]>();
  for (const date of dates) {
    const year = date.slice(0, 4);
    byYear.set(year, [...(byYear.get(year) ?? []), date.slice(5)]);
  }
  return [...byYear].map(([year, days]) => [`${title} ${year}`, days.join(' ')]);
}

/** A calendar for people. */
function calendarText(calendar: Calendar, paint: Paint): string {
  const { id, name, source, off, on, readable, created_at: createdAt, version } = calendar;
  const facts = pairs([
    ['name', name],
    ['source', source],
    ['created', createdAt],
    ['version', String(version)],
    ['note', readable ? null : SPOILT],
    ...years('off', off),
    ...years('on', on),
  ]);
  return `${paint('bold', oneLine(id))}\n${facts}`;
}

/** All calendars. With `--json` the answer is printed as it was received. */
async function listCalendars(options: ShowOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const { data } = await service.api.listCalendars();
  io.out(options.json ? service.lastAnswer() : table(COLUMNS, data, painter(io.colours.out)));
}

async function showCalendar(id: string, options: ShowOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const calendar = await service.api.getCalendar({ params: { id } });
  io.out(options.json ? service.lastAnswer() : calendarText(calendar, painter(io.colours.out)));
}

/** What `show --json` prints besides what `put` takes: what was shown can be edited and put again. */
const READ_ONLY = new Set<string>([
  'id',
  'source',
  'readable',
  'created_at',
  'version',
] satisfies (keyof Calendar)[]);

/** The calendar in the file. @throws CliError */
async function calendarIn(file: string | undefined, io: Io): Promise<object> {
  if (file === undefined)
    throw new CliError('--file is missing. Name the file with the calendar, or - for standard input.', 2);
  const isInput = file === '-';
  const bytes = isInput ? await io.readInput() : fileBytes(file);
  const what = isInput ? 'The standard input' : `The file ${file}`;
  const value = JSON.parse(jsonText(bytes, { what })) as unknown;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(
      `${what} has no calendar. Expected an object such as {"off":["2026-12-24"],"on":[]}.`,
      2,
    );
  return Object.fromEntries(Object.entries(value).filter(([name]) => !READ_ONLY.has(name)));
}

/** Stores a calendar, in place of the one with this ID if there is one. */
async function putCalendar(id: string, options: CalendarPutOptions, io: Io): Promise<void> {
  const body = await calendarIn(options.file, io);
  const service = openService(options, io.env);
  const { version } = await putWith(`calendar "${id}"`, options, (headers) =>
    service.api.putCalendar({ params: { id }, body, headers }),
  );
  io.out(options.json ? service.lastAnswer() : `${id}  version ${version}`);
}

async function deleteCalendar(id: string, options: ChangeOptions, io: Io): Promise<void> {
  const { api } = openService(options, io.env);
  await api.deleteCalendar({ params: { id }, headers: matchOf(options) });
  io.out(`${id}  deleted`);
}

/** Adds `calendars put` and `calendars delete`. */
function addChanges(calendars: Command, io: Io): void {
  const putting = calendars
    .command('put <id>')
    .description('make a calendar, or replace the whole of it')
    .option('-f, --file <path>', 'file with the calendar in JSON; - reads standard input (required)')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  task-center calendars put office -f office.json --if-version 3');
  addServiceOptions(addPutConditions(putting)).action((id: string, options: CalendarPutOptions) =>
    putCalendar(id, options, io),
  );
  const deleting = calendars
    .command('delete <id>')
    .description('remove a calendar; one that it replaced, which comes with the program, is back then')
    .addHelpText('after', '\nExample:\n  task-center calendars delete office');
  addServiceOptions(addIfVersion(deleting)).action((id: string, options: ChangeOptions) =>
    deleteCalendar(id, options, io),
  );
}

const EXAMPLE = `
Examples:
  task-center calendars
  task-center calendars show cn
  echo '{"name":"Our office","off":["2026-12-24"],"on":[]}' | task-center calendars put office -f -`;

/** Adds `calendars list`, `show`, `put` and `delete`. `calendars` alone runs `calendars list`. */
export function addCalendars(program: Command, io: Io): void {
  const calendars = program
    .command('calendars')
    .description('list, show, put and delete calendars: days off and worked weekends')
    .addHelpText('after', EXAMPLE);
  const listing = calendars
    .command('list', { isDefault: true })
    .description('all calendars, those that come with the program, too')
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  task-center calendars list --json');
  addServiceOptions(listing).action((options: ShowOptions) => listCalendars(options, io));
  const showing = calendars
    .command('show <id>')
    .description('show one calendar with its days')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  task-center calendars show cn');
  addServiceOptions(showing).action((id: string, options: ShowOptions) => showCalendar(id, options, io));
  addChanges(calendars, io);
}
