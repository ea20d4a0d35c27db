// `tasks`: lists, shows, cancels and deletes tasks through the HTTP API. The service checks all rights and values; the
// commands print its answers.

import { LISTED_STATES, type ListedState, type Task } from '@task-center/api';
import { Option, type Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { cut, painter, table, type Column } from '../output.ts';
import { rawMember } from '../raw-member.ts';
import { addServiceOptions, openService, type Service, type ServiceOptions } from '../service.ts';
import { taskText } from './task-text.ts';

/** Options of `tasks list`. `limit` stays a text: the service checks it. */
interface TaskListOptions extends ServiceOptions {
  readonly queue: string;
  /** Default: all states, each with up to `limit` tasks. */
  readonly state?: ListedState;
  readonly kind?: 'handler' | 'callback';
  readonly limit: string;
  readonly json?: boolean;
}
/** Options of the commands for one task; each command has some of them. */
interface TaskOptions extends ServiceOptions {
  /** The first three select one task if several have the same ID. */
  readonly queue?: string;
  readonly kind?: 'handler' | 'callback';
  readonly businessId?: string;
  /** `tasks show` only. */
  readonly json?: boolean;
  /** `tasks cancel` only: up to 256 characters, stored with the task. */
  readonly reason?: string;
}

const MAX_ERROR_WIDTH = 60;
/** `-` stands for a missing time. The error is cut; `tasks show` prints all of it. */
const TASK_COLUMNS: readonly Column<Task>[] = [
  { title: 'id', text: ({ id }) => id },
  { title: 'state', text: ({ state }) => state },
  { title: 'type', text: ({ type }) => type },
  { title: 'kind', text: ({ kind }) => kind },
  { title: 'attempts', right: true, text: (task) => `${task.attempt}/${task.max_attempts}` },
  { title: 'created', text: (task) => task.created_at ?? '-' },
  { title: 'due', text: (task) => task.due_at ?? '-' },
  { title: 'error', text: (task) => cut(task.last_error?.message ?? '', MAX_ERROR_WIDTH) },
];

/** The first page of a state: at most `--limit` tasks, in the order in which the broker keeps them. */
async function listState(service: Service, options: TaskListOptions, state: ListedState): Promise<Task[]> {
  const { queue, kind, limit } = options;
  const query = { queue, state, limit, ...(kind && { kind }) };
  return (await service.api.listTasks({ query })).data;
}

/**
 * Lists one state, or without `--state` the first page of every state in one table. `--json` prints an answer as it was
 * received, and therefore needs one state.
 */
async function listTasks(options: TaskListOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  if (options.json) {
    if (options.state === undefined) throw new CliError('--json lists one state: add --state.', 2);
    await listState(service, options, options.state);
    return io.out(service.lastAnswer());
  }
  const states = options.state === undefined ? LISTED_STATES : [options.state];
  const pages: Task[][] = [];
  for (const state of states) pages.push(await listState(service, options, state));
  const tasks = pages.flat();
  if (tasks.length > 0) return io.out(table(TASK_COLUMNS, tasks, painter(io.colours.out)));
  // Without a state the text would have two blanks in a row.
  io.out(`no ${options.state ?? ''} tasks in queue ${options.queue}`.replace('  ', ' '));
}

/** The query that selects one task where several have the same ID. */
function selectionOf({ queue, kind, businessId }: TaskOptions): Record<string, string> {
  return {
    ...(queue !== undefined && { queue }),
    ...(kind !== undefined && { kind }),
    ...(businessId !== undefined && { business_id: businessId }),
  };
}

/** Shows one task. Payload and result are cut out of the answer's text, because parsing would spoil large integers. */
async function show(id: string, options: TaskOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const query = { ...selectionOf(options), include: 'attempts,payload,callback,result' };
  const task = await service.api.getTask({ params: { id }, query });
  const answer = service.lastAnswer();
  if (options.json) return io.out(answer);
  const raw = { payload: rawMember(answer, 'payload'), result: rawMember(answer, 'result') };
  io.out(taskText(task, raw, painter(io.colours.out)));
}

/** Cancels a task, or asks for it if it runs. @throws CliError when the task had ended before */
async function cancel(id: string, options: TaskOptions, io: Io): Promise<void> {
  const { api } = openService(options, io.env);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const { outcome, task } = await api.cancelTask({ params: { id }, query: selectionOf(options), body });
  if (outcome === 'already_finished') throw new CliError(`Task ${id} is already ${task.state}.`);
  io.out(
    `${id}  ${task.state}${outcome === 'requested' && task.state === 'active' ? ', cancel requested' : ''}`,
  );
}

/** Deletes a task in any state but active. This cannot be undone. */
async function remove(id: string, options: TaskOptions, io: Io): Promise<void> {
  const { api } = openService(options, io.env);
  await api.deleteTask({ params: { id }, query: selectionOf(options) });
  io.out(`${id}  deleted`);
}

/** Creates the option, a new one for each command. Default: both kinds. */
const kindOption = () => new Option('--kind <kind>', 'only this kind').choices(['handler', 'callback']);

/** Adds the options that select one task. */
function addSelection(command: Command): Command {
  const selecting = command
    .option('--queue <name>', 'the queue, if several tasks have this ID')
    .addOption(kindOption())
    .option('--business-id <id>', 'the business that the task belongs to');
  return addServiceOptions(selecting);
}

/** Adds `tasks list`. `tasks` alone runs it, too. */
function addList(tasks: Command, io: Io): void {
  const command = tasks
    .command('list', { isDefault: true })
    .description('list the tasks of a queue')
    .option('--queue <name>', 'the queue', 'default')
    .addOption(new Option('--state <state>', 'only this state (else all)').choices([...LISTED_STATES]))
    .addOption(kindOption())
    .option('--limit <count>', 'maximum number of tasks of each state, 1 to 500', '50')
    .option('--json', 'print a page of one state as JSON')
    .addHelpText('after', '\nExample:\n  task-center tasks list --queue critical --state archived');
  addServiceOptions(command).action((options: TaskListOptions) => listTasks(options, io));
}

const EXAMPLE = `
Examples:
  task-center tasks --queue critical --state archived
  task-center tasks show hello
  task-center tasks cancel hello --reason "ordered twice"`;

/** Adds `tasks list`, `show`, `cancel` and `delete`. */
export function addTasks(program: Command, io: Io): void {
  const tasks = program
    .command('tasks')
    .description('list, show, cancel and delete tasks')
    .addHelpText('after', EXAMPLE);
  addList(tasks, io);
  const showing = tasks
    .command('show <id>')
    .description('show one task with its attempts')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  task-center tasks show hello');
  addSelection(showing).action((id: string, options: TaskOptions) => show(id, options, io));
  const cancelling = tasks
    .command('cancel <id>')
    .description('cancel a task: it never starts; if it runs, it is asked to stop and never starts again')
    .option('--reason <text>', 'why, kept with the task')
    .addHelpText('after', '\nExample:\n  task-center tasks cancel hello --reason "ordered twice"');
  addSelection(cancelling).action((id: string, options: TaskOptions) => cancel(id, options, io));
  const deleting = tasks
    .command('delete <id>')
    .description('remove a task that is not running')
    .addHelpText('after', '\nExample:\n  task-center tasks delete hello');
  addSelection(deleting).action((id: string, options: TaskOptions) => remove(id, options, io));
}
