// `fsck`: checks and repairs stored data. It talks to the broker itself, prints one row per queue and kind of fault,
// and says in its exit code whether findings remain. See docs/fsck.md.

import type { AllowableFinding, Broker, FaultKind, Finding, FsckReport } from '@task-center/engine';
import type { Command } from 'commander';
import { addBrokerOptions, checkFile, openBroker, readBroker, type BrokerOptions } from '../broker.ts';
import { CliError, explain } from '../errors.ts';
import type { Io } from '../io.ts';
import { oneLine, painter, table, type Column } from '../output.ts';

interface FsckOptions extends BrokerOptions {
  /** Logical queues; each stands for two stored ones. Default: all queues. */
  readonly queue?: readonly string[];
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** What can be done about each kind of fault, the worst first. */
const ADVICE: Readonly<Record<FaultKind, string>> = {
  damage: 'the file is broken: restore a copy of it',
  type: 'another program wrote this: --repair renames the key to tc:{queue}:aside:…, or makes a new one',
  counter: '--repair counts again; a counter on Redis starts at 0',
  ghost: 'no worker can run it: --repair removes what is left of it',
  orphan: 'it would never run or never end: --repair puts it back',
  double: '--repair keeps it only where its state says',
  mismatch: '--repair corrects the state by where the task is stored',
  leak: 'it outlived its task: --repair removes it, or registers the group again',
};
/** The order of the rows: the worst kind first. */
const KINDS = Object.keys(ADVICE) as FaultKind[];
/** Findings that a row shows; `--json` prints all of them. */
const MAX_EXAMPLES = 3;
/** Differs from 1, which means that findings remain. */
const EXIT_NOT_CHECKED = 2;

/** A line of the table: the findings of one kind in one queue. */
interface Row {
  readonly queue: string | null;
  readonly kind: FaultKind;
  readonly findings: readonly Finding[];
}

const textOf = ({ what, name, found }: Finding): string => `${what} ${name} (${found})`;
/** `done` says what the repair did; null = nothing was repaired. */
const isRepaired = ({ done }: Finding): boolean => done !== null;

/** A row whose findings were all repaired gives no advice. */
const FINDING_COLUMNS: readonly Column<Row>[] = [
  { title: 'queue', text: ({ queue }) => queue ?? '-' },
  { title: 'kind', text: ({ kind }) => kind },
  { title: 'count', right: true, text: ({ findings }) => String(findings.length) },
  {
    title: 'repaired',
    right: true,
    text: ({ findings }) => String(findings.filter(isRepaired).length),
  },
  {
    title: 'examples',
    text: ({ findings }) =>
      findings.slice(0, MAX_EXAMPLES).map(textOf).join(', ') + (findings.length > MAX_EXAMPLES ? ', …' : ''),
  },
  { title: 'what to do', text: ({ kind, findings }) => (findings.every(isRepaired) ? '' : ADVICE[kind]) },
];

/** One row per queue and kind; first the findings that belong to no queue. */
function rowsOf({ queues, findings }: FsckReport): Row[] {
  return [null, ...queues].flatMap((queue) =>
    KINDS.flatMap((kind) => {
      const found = findings.filter((finding) => finding.queue === queue && finding.kind === kind);
      return found.length > 0 ? [{ queue, kind, findings: found }] : [];
    }),
  );
}

/** The output for people: a table, and below it what each repair did. */
function print(report: FsckReport, io: Io): void {
  const { queues, findings } = report;
  const summary = `${queues.length} ${queues.length === 1 ? 'queue' : 'queues'} checked`;
  if (findings.length === 0) return io.out(`${summary}: nothing is wrong.`);
  io.out(table(FINDING_COLUMNS, rowsOf(report), painter(io.colours.out)));
  const repaired = findings.filter(isRepaired);
  if (repaired.length === 0) return;
  io.out('\nRepaired:');
  for (const finding of repaired)
    io.out(oneLine(`  ${finding.queue ?? '-'}  ${textOf(finding)}: ${finding.done}`));
}

/**
 * The stored queues behind the named logical queues.
 *
 * @throws CliError for a name that has none
 */
async function storedQueuesOf(broker: Broker, names: readonly string[]): Promise<string[]> {
  const { control, isTaskCenterError } = await import('@task-center/engine');
  const found: string[] = [];
  for (const name of names) {
    const stored = await control.listStoredQueues(broker, name).catch((error: unknown) => {
      if (isTaskCenterError(error, 'queue-not-found'))
        throw new CliError(`There is no queue ${oneLine(name)}.`);
      throw error;
    });
    found.push(...stored);
  }
  return found;
}

/** A check is possible in spite of these, and it is needed most on a broker with a fault. */
const ACCEPTED: readonly AllowableFinding[] = ['eviction', 'rights'];

/** Opens the broker that is configured, checks it and closes it. */
async function check(options: FsckOptions, io: Io): Promise<FsckReport> {
  const configured = await readBroker(options, io);
  checkFile(configured.url);
  const { fsck } = await import('@task-center/engine');
  const broker = await openBroker(
    { ...configured, allow: [...configured.allow, ...ACCEPTED] },
    'check the file',
  );
  try {
    const onlyQueues = options.queue && { queues: await storedQueuesOf(broker, options.queue) };
    return await fsck(broker, { ...onlyQueues, repair: options.repair ?? false });
  } finally {
    await broker.close();
  }
}

/** Checks and prints. @throws CliError when findings remain (exit code 1) or nothing could be checked (2) */
async function run(options: FsckOptions, io: Io): Promise<void> {
  const report = await check(options, io).catch((error: unknown) => {
    // Exit code 1 means that findings remain. A script must be able to tell the two apart.
    throw new CliError(explain(error), EXIT_NOT_CHECKED, { cause: error });
  });
  if (options.json) io.out(JSON.stringify(report, null, 2));
  else print(report, io);
  const { remaining, more: isCut } = report;
  const next = options.repair
    ? 'They cannot be repaired here.'
    : 'Nothing was changed; --repair repairs them.';
  const sentences = [
    ...(remaining > 0 ? [`${remaining} findings remain. ${next}`] : []),
    ...(isCut ? ['A queue has more than 10,000 findings; run the command again for the others.'] : []),
  ];
  if (sentences.length > 0) throw new CliError(sentences.join(' '));
}

const EXAMPLE = `
Finds tasks that no index leads to, IDs without a task, tasks in two indexes, and locks and records that
outlived their task. It may run beside services and workers: it works in bounded steps, and does not report
tasks that merely move. On SQLite the service must be stopped first, because one process owns the file; as at
every start, tasks that were running become pending again.

Exit code: 0 nothing was wrong, or everything was repaired; 1 findings remain; 2 the check could not be made.

Example:
  task-center fsck --broker redis://127.0.0.1:6379 --queue orders --repair`;

/** Adds `fsck`. Without `--repair` it only reports what it finds. */
export function addFsck(program: Command, io: Io): void {
  const command = program
    .command('fsck')
    .description('check the data that the broker stores, and repair it')
    .option('--queue <name...>', 'check only these queues')
    .option('--repair', 'repair what is found; without it nothing is changed')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLE);
  addBrokerOptions(command).action((options: FsckOptions) => run(options, io));
}
