// `keys create --local`: creates an API key directly on the broker. It needs neither the service nor another key.

import { ROLES, type Role } from '@task-center/api';
import { Option, type Command } from 'commander';
import { addBrokerOptions, openBroker, readBroker, type BrokerOptions } from '../broker.ts';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';

interface CreateOptions extends BrokerOptions {
  /** Required today: creating keys over HTTP is not built yet. */
  readonly local?: boolean;
  /** Default `admin`: most people run this command because they lost the administrator's key. */
  readonly role: Role;
  /** Label for people. */
  readonly name?: string;
}

/**
 * Creates the key. The key alone goes to standard output, for a redirect into a file; the rest is for people and goes
 * to standard error.
 */
async function create(options: CreateOptions, io: Io): Promise<void> {
  if (!options.local) throw new CliError('Keys are created on the broker itself: add --local.', 2);
  const configured = await readBroker(options, io);
  const { createLocalKey } = await import('@task-center/server');
  const broker = await openBroker(configured, 'create the key');
  try {
    const { role, name } = options;
    const { key, id } = await createLocalKey(broker, { role, ...(name !== undefined && { name }) });
    io.out(key);
    io.err(`Key ${id}, role ${role}. It is shown only now: the broker keeps its hash.`);
  } finally {
    await broker.close();
  }
}

const EXAMPLE = `
On SQLite the service must be stopped first, because one process owns the file.

Example:
  task-center keys create --local --role submitter --name shop > shop.key`;

/** Adds `keys create`. There are no other commands yet, because the HTTP API has no operations on keys. */
export function addKeys(program: Command, io: Io): void {
  const keys = program.command('keys').description('create API keys');
  const creating = keys
    .command('create')
    .description('create a key and print it')
    .option('--local', 'create it on the broker instead of through the service')
    .addOption(new Option('--role <role>', 'what the key may do').choices([...ROLES]).default('admin'))
    .option('--name <name>', 'name of the key, for people')
    .addHelpText('after', EXAMPLE);
  addBrokerOptions(creating).action((options: CreateOptions) => create(options, io));
}
