// `schedules`: lists, shows, puts, runs and deletes schedules through the HTTP API. The service checks all rights and values.

import type { Schedule } from '@task-center/api';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { painter, table, type Column } from '../output.ts';
import { rawMember } from '../raw-member.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';
import {
  addIfVersion,
  addPutConditions,
  matchOf,
  putWith,
  type PutOptions,
  type VersionOptions,
} from '../versions.ts';
import { addApply } from './schedules-apply.ts';
import { payloadIn, scheduleIn } from './schedule-file.ts';
import { addFires } from './schedule-fires.ts';
import { SCHEDULE_COLUMNS, scheduleText } from './schedule-text.ts';

/** Options that all commands on one schedule have. */
interface ScheduleOptions extends ServiceOptions {
  /** The business of the schedule. */
  readonly businessId?: string;
  readonly json?: boolean;
}
interface ListOptions extends ScheduleOptions {
  readonly queue?: string;
  readonly owner?: string;
  readonly source?: Schedule['source'];
  readonly paused?: boolean;
  readonly failing?: boolean;
  readonly late?: boolean;
}
interface ScheduleChangeOptions extends ScheduleOptions, VersionOptions {}
interface SchedulePutOptions extends ScheduleOptions, PutOptions {
  /** A file with the schedule in JSON; `-` = standard input. Required. */
  readonly file?: string;
}
interface SchedulePauseOptions extends ScheduleOptions {
  readonly reason?: string;
}
interface RunOptions extends ScheduleOptions {
  /** JSON in place of the schedule's payload. */
  readonly payload?: string;
}
interface PreviewOptions extends ScheduleOptions {
  readonly number: string;
}

/** Names the schedule of a call. Without `--business-id`, the key's own one is meant, or none. */
const targetOf = (id: string, { businessId }: ScheduleOptions) => ({
  params: { id },
  query: businessId === undefined ? {} : { business_id: businessId },
});

/** A filter that was given, as the query has it. */
const flag = (value: boolean | undefined) =>
  value === undefined ? undefined : (String(value) as 'true' | 'false');

/** All schedules of a filter, page by page: a list for people has no end that they would have to ask for. */
async function listSchedules(options: ListOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const { queue, owner, source, businessId: business_id, paused, failing, late } = options;
  const states = { paused: flag(paused), failing: flag(failing), late: flag(late) };
  const filter = { queue, owner, source, business_id, ...states };
  const rows: Schedule[] = [];
  let cursor: string | null = null;
  do {
    const page: { data: Schedule[]; next_cursor: string | null } = await service.api.listSchedules({
      query: { ...filter, limit: '500', ...(cursor !== null && { cursor }) },
    });
    // Each page is a document of its own, on its own line.
    if (options.json) io.out(service.lastAnswer());
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  if (options.json) return;
  io.out(rows.length === 0 ? 'no schedules' : table(SCHEDULE_COLUMNS, rows, painter(io.colours.out)));
}

async function showSchedule(id: string, options: ScheduleOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const schedule = await service.api.getSchedule(targetOf(id, options));
  const answer = service.lastAnswer();
  if (options.json) return io.out(answer);
  // Parsing would spoil large integers.
  const payload = rawMember(rawMember(answer, 'task') ?? '{}', 'payload');
  io.out(scheduleText(schedule, payload, painter(io.colours.out)));
}

/** Stores a schedule, in place of the one with this ID if there is one. Its next fire shows at once whether the plan is the one meant. */
async function putSchedule(id: string, options: SchedulePutOptions, io: Io): Promise<void> {
  const body = await scheduleIn(options.file, io);
  const service = openService(options, io.env);
  const { version, next_fire_at: next } = await putWith(`schedule "${id}"`, options, (headers) =>
    service.api.putSchedule({ ...targetOf(id, options), body, headers }),
  );
  io.out(options.json ? service.lastAnswer() : `${id}  version ${version}  next fire ${next ?? '-'}`);
}

/** What falls into the pause is not made up for. */
async function pauseSchedule(id: string, options: SchedulePauseOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  await service.api.pauseSchedule({ ...targetOf(id, options), body });
  io.out(options.json ? service.lastAnswer() : `${id}  paused`);
}

async function resumeSchedule(id: string, options: ScheduleOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const { next_fire_at: next } = await service.api.resumeSchedule({ ...targetOf(id, options), body: {} });
  io.out(options.json ? service.lastAnswer() : `${id}  resumed  next fire ${next ?? '-'}`);
}

/** A fire now, beside the plan: it changes nothing about the next one. */
async function runSchedule(id: string, options: RunOptions, io: Io): Promise<void> {
  const body = options.payload === undefined ? {} : { payload: payloadIn(options.payload) };
  const service = openService(options, io.env);
  const task = await service.api.runSchedule({ ...targetOf(id, options), body });
  io.out(options.json ? service.lastAnswer() : `${id}  ran as task ${task.id} in ${task.queue}`);
}

/** Both times are shown: people plan in the zone of the schedule, and logs have UTC. */
async function previewSchedule(id: string, options: PreviewOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const { params, query } = targetOf(id, options);
  const { fires } = await service.api.previewStoredSchedule({
    params,
    query: { ...query, n: options.number },
  });
  if (options.json) return io.out(service.lastAnswer());
  const columns: Column<(typeof fires)[number]>[] = [
    { title: 'at', text: ({ at }) => at },
    { title: 'local', text: ({ local }) => local },
    { title: 'clashes', right: true, text: ({ clashes }) => String(clashes) },
    { title: 'note', text: ({ note }) => note ?? '' },
  ];
  io.out(table(columns, fires, painter(io.colours.out)));
}

async function deleteSchedule(id: string, options: ScheduleChangeOptions, io: Io): Promise<void> {
  const { api } = openService(options, io.env);
  await api.deleteSchedule({ ...targetOf(id, options), headers: matchOf(options) });
  io.out(`${id}  deleted`);
}

/**
 * Adds a command on one schedule, with the options that all of them have.
 *
 * The three texts: how it is called, what it does, and an example without the name of the program.
 */
function addOne(schedules: Command, [usage, about, example]: readonly [string, string, string]): Command {
  const command = schedules
    .command(usage)
    .description(about)
    .option('--business-id <id>', 'the business of the schedule')
    .addHelpText('after', `\nExample:\n  task-center schedules ${example}`);
  return addServiceOptions(command);
}

/** Adds the commands that only look. */
function addScheduleViews(schedules: Command, io: Io): void {
  addOne(schedules, ['show <id>', 'show one schedule', 'show daily-report'])
    .option('--json', 'print it as JSON')
    .action((id: string, options: ScheduleOptions) => showSchedule(id, options, io));
  addOne(schedules, ['preview <id>', 'when it fires next', 'preview daily-report -n 5'])
    .option('-n, --number <number>', 'how many fires, 1 to 100', '10')
    .option('--json', 'print them as JSON')
    .action((id: string, options: PreviewOptions) => previewSchedule(id, options, io));
}

/** Adds the commands that change one schedule, or run it. */
function addScheduleChanges(schedules: Command, io: Io): void {
  const putting = addOne(schedules, [
    'put <id>',
    'make a schedule, or replace the whole of it',
    'put nightly -f nightly.json',
  ]);
  addPutConditions(putting)
    .option('-f, --file <path>', 'file with the schedule in JSON; - reads standard input (required)')
    .option('--json', 'print it as JSON')
    .action((id: string, options: SchedulePutOptions) => putSchedule(id, options, io));
  addOne(schedules, ['pause <id>', 'make no fires until it is resumed', 'pause nightly --reason "migration"'])
    .option('--reason <text>', 'why, for people')
    .option('--json', 'print it as JSON')
    .action((id: string, options: SchedulePauseOptions) => pauseSchedule(id, options, io));
  addOne(schedules, ['resume <id>', 'fire again from now on', 'resume nightly'])
    .option('--json', 'print it as JSON')
    .action((id: string, options: ScheduleOptions) => resumeSchedule(id, options, io));
  addOne(schedules, [
    'run <id>',
    'make a fire now, paused or not',
    `run nightly --payload '{"day":"2026-11-20"}'`,
  ])
    .option('--payload <json>', 'the payload of this one fire')
    .option('--json', 'print its first task as JSON')
    .action((id: string, options: RunOptions) => runSchedule(id, options, io));
  const deleting = [
    'delete <id>',
    'remove a schedule with its history; its tasks stay',
    'delete nightly',
  ] as const;
  addIfVersion(addOne(schedules, deleting)).action((id: string, options: ScheduleChangeOptions) =>
    deleteSchedule(id, options, io),
  );
}

const EXAMPLE = `
Examples:
  task-center schedules
  task-center schedules apply -f schedules.json --owner reports --prune --dry-run
  echo '{"cron":"0 3 * * *","task":{"type":"cleanup","queue":"low"}}' | task-center schedules put nightly -f -`;

/** Adds `schedules` with its commands. `schedules` alone runs `schedules list`. */
export function addSchedules(program: Command, io: Io): void {
  const schedules = program
    .command('schedules')
    .description('list, show, put, apply, pause, resume, run, preview and delete schedules; list their fires')
    .addHelpText('after', EXAMPLE);
  const listing = schedules
    .command('list', { isDefault: true })
    .description('all schedules, or those of a filter')
    .option('--queue <name>', 'only those of this queue')
    .option('--owner <name>', 'only those of this owner')
    .option('--business-id <id>', 'only those of this business')
    .option('--source <source>', 'only those from api, config or client')
    .option('--paused', 'only paused ones')
    .option('--failing', 'only those whose last run failed')
    .option('--late', 'only those that wait for their fire for over a minute')
    .option('--json', 'print them as JSON, a line for each page')
    .addHelpText('after', '\nExample:\n  task-center schedules list --failing');
  addServiceOptions(listing).action((options: ListOptions) => listSchedules(options, io));
  addScheduleViews(schedules, io);
  addFires(schedules, io);
  addScheduleChanges(schedules, io);
  addApply(schedules, io);
}
