import { existsSync } from 'node:fs';
import type { Broker, FaultKind, Finding, FsckReport } from '@task-center/engine';
import type { Command } from 'commander';
import { openBroker } from '../broker.ts';
import { CliError } from '../cli-error.ts';
import { readConfig } from '../config.ts';
import { explain } from '../explain.ts';
import type { Io } from '../io.ts';
import { oneLine, painter, table, type Column } from '../output.ts';

interface FsckOptions {
  readonly config?: string;
  readonly broker?: string;
  readonly dataDir?: string;
  readonly queue?: readonly string[];
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** What may be done about each kind of fault, the worst first. */
const ADVICE: Readonly<Record<FaultKind, string>> = {
  damage: 'the file is broken: go back to a copy of it',
  type: 'others wrote this key: --repair renames it to tc:{queue}:aside:…',
  counter: '--repair counts anew; a count of Redis begins at 0',
  ghost: 'nobody can run it: --repair drops what is left of it',
  orphan: 'it would never run or end: --repair puts it back',
  double: '--repair keeps the place that its state names',
  mismatch: '--repair goes by the place where it stands',
  leak: 'it outlived its task: --repair removes it, or names the group again',
};
const KINDS = Object.keys(ADVICE) as FaultKind[];
const EXAMPLES = 3;
const NOT_CHECKED = 2;

interface Row {
  readonly queue: string | null;
  readonly kind: FaultKind;
  readonly findings: readonly Finding[];
}

const textOf = ({ what, name, found }: Finding): string => `${what} ${name} (${found})`;
const isLeft = ({ done }: Finding): boolean => done === null;

const COLUMNS: readonly Column<Row>[] = [
  { title: 'queue', text: ({ queue }) => queue ?? '-' },
  { title: 'kind', text: ({ kind }) => kind },
  { title: 'count', right: true, text: ({ findings }) => String(findings.length) },
  {
    title: 'mended',
    right: true,
    text: ({ findings }) => String(findings.filter((one) => !isLeft(one)).length),
  },
  {
    title: 'first of them',
    text: ({ findings }) =>
      findings.slice(0, EXAMPLES).map(textOf).join(', ') + (findings.length > EXAMPLES ? ', …' : ''),
  },
  { title: 'what to do', text: ({ kind, findings }) => (findings.some(isLeft) ? ADVICE[kind] : '') },
];

function rowsOf({ queues, findings }: FsckReport): Row[] {
  return [null, ...queues].flatMap((queue) =>
    KINDS.flatMap((kind) => {
      const those = findings.filter((one) => one.queue === queue && one.kind === kind);
      return those.length > 0 ? [{ queue, kind, findings: those }] : [];
    }),
  );
}

function print(report: FsckReport, io: Io): void {
  const { queues, findings } = report;
  const looked = `${queues.length} ${queues.length === 1 ? 'queue' : 'queues'} checked`;
  if (findings.length === 0) return io.out(`${looked}: nothing is wrong.`);
  io.out(table(COLUMNS, rowsOf(report), painter(io.colours.out)));
  const mended = findings.filter((one) => !isLeft(one));
  if (mended.length === 0) return;
  io.out('\nMended:');
  for (const one of mended) io.out(oneLine(`  ${one.queue ?? '-'}  ${textOf(one)}: ${one.done}`));
}

/** The stored queues that are there of those that were named. */
async function queuesOf({ inspect }: Broker, names: readonly string[]): Promise<string[]> {
  const { storedQueues } = await import('@task-center/engine');
  const found: string[] = [];
  for (const name of names) {
    const stored: string[] = [];
    for (const one of storedQueues(name)) if (await inspect.exists(one)) stored.push(one);
    if (stored.length === 0) throw new CliError(`There is no queue ${oneLine(name)}.`);
    found.push(...stored);
  }
  return found;
}

const SQLITE = 'sqlite:';

/** A file that is not there would be made. */
function checkFile(url: string): void {
  const path = url.slice(SQLITE.length);
  if (url.startsWith(SQLITE) && !existsSync(path))
    throw new CliError(`There is no file ${path}. Name the broker with --broker.`);
}

async function examine(options: FsckOptions, io: Io): Promise<FsckReport> {
  const { broker: url } = await readConfig(
    options.config,
    { broker: options.broker, data_dir: options.dataDir },
    io,
  );
  checkFile(url);
  const { fsck } = await import('@task-center/engine');
  const broker = await openBroker(url, 'check the file');
  try {
    const queues = options.queue && { queues: await queuesOf(broker, options.queue) };
    return await fsck(broker, { ...queues, repair: options.repair ?? false });
  } finally {
    await broker.close();
  }
}

async function run(options: FsckOptions, io: Io): Promise<void> {
  const report = await examine(options, io).catch((error: unknown) => {
    // 1 means that there are findings; a script must be able to tell.
    throw new CliError(explain(error), NOT_CHECKED, { cause: error });
  });
  if (options.json) io.out(JSON.stringify(report, null, 2));
  else print(report, io);
  const { remaining, more } = report;
  if (remaining === 0 && !more) return;
  const next = options.repair ? 'They cannot be mended here.' : 'Nothing was changed; --repair mends.';
  const others = more ? ' A queue has more than 10,000 of them; run it again for the others.' : '';
  throw new CliError(`${remaining} findings remain. ${next}${others}`);
}

const EXAMPLE = `
Looks for tasks that nothing leads to, IDs without a task, tasks in two places, locks and notes that
outlived their task. Works beside running services, in bounded steps: what merely moves is not told.
On SQLite only while the service is stopped: one process owns the file, and as at every start what was
running in it is pending again.

Exit code: 0 nothing is wrong (any more), 1 findings remain, 2 it could not be checked.

Example:
  task-center fsck --broker redis://127.0.0.1:6379 --queue orders --repair`;

export function addFsck(program: Command, io: Io): void {
  program
    .command('fsck')
    .description('check what is stored on the broker, and mend it')
    .option('--queue <name...>', 'only these queues')
    .option('--repair', 'mend what is found; without it nothing is changed')
    .option('--json', 'print the findings as JSON')
    .option('--config <path>', 'configuration file (else etc/taskcenter.yaml, if it is there)')
    .option('--broker <url>', 'the broker (else as configured)')
    .option('--data-dir <path>', 'data folder (else as configured)')
    .addHelpText('after', EXAMPLE)
    .action((options: FsckOptions) => run(options, io));
}
