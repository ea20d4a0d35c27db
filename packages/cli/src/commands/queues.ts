// `queues`: lists, pauses and resumes logical queues through the HTTP API. A key that is bound to businesses sees no
// counts and may not pause a queue, because businesses share the queues.

import type { Queue } from '@task-center/api';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { painter, table, type Column } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';

interface QueueListOptions extends ServiceOptions {
  readonly json?: boolean;
}
interface PauseOptions extends ServiceOptions {
  /** Shown to everyone who lists the queue, up to 256 characters. */
  readonly reason?: string;
}

/** The states that the table counts, in the order of its columns. */
const STATES = [
  'pending',
  'active',
  'scheduled',
  'retry',
  'aggregating',
  'completed',
  'cancelled',
  'archived',
] as const;

/** Whether the queue is paused, and why; how long its groups have waited. */
function noteOf({ paused, pause_reason: reason, oldest_aggregating_ms: ageMs }: Queue): string {
  const whyPaused = paused ? `paused${reason === null ? '' : `: ${reason}`}` : '';
  const age = ageMs === null ? '' : `oldest in a group: ${Math.round(ageMs / 1_000)} s`;
  return [whyPaused, age].filter(Boolean).join('; ');
}

const KIB = 2 ** 10;
/** Room that a queue takes, in the unit that suits it. */
function roomText(bytes: number | null): string {
  if (bytes === null) return '-';
  return bytes < KIB ** 2 ? `${Math.ceil(bytes / KIB)} KiB` : `${Math.ceil(bytes / KIB ** 2)} MiB`;
}

/** `-` stands for counts that the key may not see, and for room that was not measured yet. */
const QUEUE_COLUMNS: readonly Column<Queue>[] = [
  { title: 'queue', text: ({ name }) => name },
  { title: 'priority', text: ({ priority }) => priority ?? '' },
  ...STATES.map((state) => ({
    title: state,
    right: true,
    text: ({ counts }: Queue) => String(counts?.[state] ?? '-'),
  })),
  { title: 'memory', right: true, text: ({ memory_bytes: bytes }) => roomText(bytes) },
  {
    title: '',
    text: noteOf,
  },
];

/** All queues. With `--json` the answer is printed as it was received. */
async function listQueues(options: QueueListOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const { data } = await service.api.listQueues();
  io.out(options.json ? service.lastAnswer() : table(QUEUE_COLUMNS, data, painter(io.colours.out)));
}

/** Pauses both kinds of tasks of a queue; running tasks go on. */
async function pause(name: string, options: PauseOptions, io: Io): Promise<void> {
  const { api } = openService(options, io.env);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  await api.pauseQueue({ params: { name }, body });
  io.out(`${name}  paused`);
}

/** Ends the pause of both kinds. */
async function resume(name: string, options: ServiceOptions, io: Io): Promise<void> {
  const { api } = openService(options, io.env);
  await api.resumeQueue({ params: { name }, body: {} });
  io.out(`${name}  resumed`);
}

const EXAMPLE = `
Examples:
  task-center queues
  task-center queues pause low --reason "database maintenance"
  task-center queues resume low`;

/** Adds `queues list`, `queues pause` and `queues resume`. `queues` alone runs `queues list`. */
export function addQueues(program: Command, io: Io): void {
  const queues = program
    .command('queues')
    .description('list the queues with their counts; pause and resume them')
    .addHelpText('after', EXAMPLE);
  const listing = queues
    .command('list', { isDefault: true })
    .description('all queues with their counts')
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  task-center queues list --json');
  addServiceOptions(listing).action((options: QueueListOptions) => listQueues(options, io));
  const pausing = queues
    .command('pause <name>')
    .description('let no further task of a queue start')
    .option('--reason <text>', 'why, shown with the queue')
    .addHelpText('after', '\nExample:\n  task-center queues pause low --reason "database maintenance"');
  addServiceOptions(pausing).action((name: string, options: PauseOptions) => pause(name, options, io));
  const resuming = queues
    .command('resume <name>')
    .description('let the tasks of a paused queue start again')
    .addHelpText('after', '\nExample:\n  task-center queues resume low');
  addServiceOptions(resuming).action((name: string, options: ServiceOptions) => resume(name, options, io));
}
