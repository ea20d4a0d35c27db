import { ROLES, type Role } from '@task-center/api';
import { Option, type Command } from 'commander';
import { openBroker } from '../broker.ts';
import { CliError } from '../cli-error.ts';
import { readConfig } from '../config.ts';
import type { Io } from '../io.ts';

interface CreateOptions {
  readonly local?: boolean;
  readonly role: Role;
  readonly name?: string;
  readonly config?: string;
  readonly broker?: string;
  readonly dataDir?: string;
}

async function create(options: CreateOptions, io: Io): Promise<void> {
  if (!options.local) throw new CliError('Keys are made on the broker itself: add --local.', 2);
  const flags = { broker: options.broker, data_dir: options.dataDir };
  const config = await readConfig(options.config, flags, io);
  const { createLocalKey } = await import('@task-center/server');
  const broker = await openBroker(config.broker, 'make the key');
  try {
    const name = options.name === undefined ? {} : { name: options.name };
    const { key, id } = await createLocalKey(broker, { role: options.role, ...name });
    io.out(key);
    io.err(`Key ${id}, role ${options.role}. It is shown this once: only its hash is kept.`);
  } finally {
    await broker.close();
  }
}

const EXAMPLE = `
On SQLite only while the service is stopped: one process owns the file.

Example:
  task-center keys create --local --role submitter --name shop > shop.key`;

export function addKeys(program: Command, io: Io): void {
  const keys = program.command('keys').description('API keys');
  keys
    .command('create')
    .description('make a key and print it')
    .option('--local', 'talk to the broker instead of the service')
    .addOption(new Option('--role <role>', 'what it may do').choices([...ROLES]).default('admin'))
    .option('--name <name>', 'name of the key, for people')
    .option('--config <path>', 'configuration file (else etc/taskcenter.yaml, if it is there)')
    .option('--broker <url>', 'the broker (else as configured)')
    .option('--data-dir <path>', 'data folder (else as configured)')
    .addHelpText('after', EXAMPLE)
    .action((options: CreateOptions) => create(options, io));
}
