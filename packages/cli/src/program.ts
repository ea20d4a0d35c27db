// Builds the command line from the commands and turns every outcome into an exit code.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CliError, explain } from './errors.ts';
import { addBackup } from './commands/backup.ts';
import { addBroker } from './commands/broker.ts';
import { addCalendars } from './commands/calendars.ts';
import { addEnqueue } from './commands/enqueue.ts';
import { addFsck } from './commands/fsck.ts';
import { addHealth } from './commands/health.ts';
import { addKeys } from './commands/keys.ts';
import { addMetrics } from './commands/metrics.ts';
import { addQueues } from './commands/queues.ts';
import { addReceive } from './commands/receive.ts';
import { addSchedules } from './commands/schedules.ts';
import { addServe } from './commands/serve.ts';
import { addTasks } from './commands/tasks.ts';
import type { Io } from './io.ts';
import { adviceFor } from './misuse.ts';
import { oneLine } from './output.ts';

const NAME = 'task-center';

function versionText(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function createProgram(io: Io): Command {
  const program = new Command(NAME)
    .description('Task Center: schedule and run tasks.')
    .version(versionText())
    // Without it `tasks delete -V` prints the version, and a script takes that for a deleted task.
    .enablePositionalOptions()
    // No `-h`: see `adviceFor`.
    .helpOption('--help', 'show the help')
    .addHelpText('after', `\nEach command has its own help: ${NAME} enqueue --help`)
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      outputError: (text, write) => write(`${NAME}: ${text.replace(/^error: /, '')}`),
    })
    .exitOverride();
  for (const add of [
    addServe,
    addEnqueue,
    addTasks,
    addQueues,
    addSchedules,
    addCalendars,
    addMetrics,
    addBroker,
    addHealth,
    addReceive,
    addKeys,
    addBackup,
    addFsck,
  ])
    add(program, io);
  return program;
}

/** Runs the command line; resolves to the exit code: 0 = done, 1 = failed, 2 = the command line is not valid. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram(io);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed the message already. It also throws for --help and --version, with exit code 0.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      io.err(adviceFor(error, program, args) ?? `(${NAME} --help lists the commands)`);
      return 2;
    }
    io.err(`${NAME}: ${explain(error).split('\n').map(oneLine).join('\n')}`);
    return error instanceof CliError ? error.exitCode : 1;
  }
}
