// For commands that work without the service: their options, the broker's URL, and opening the broker.

import { existsSync } from 'node:fs';
import type { AllowableFinding, Broker } from '@task-center/engine';
import type { Command } from 'commander';
import { addConfigOption, readConfig } from './config.ts';
import { CliError, explain } from './errors.ts';
import type { Io } from './io.ts';

/** Options of every command that opens the broker itself. */
export interface BrokerOptions {
  readonly config?: string;
  readonly broker?: string;
  readonly dataDir?: string;
}

/** Adds the options that `readBroker` reads. */
export function addBrokerOptions(command: Command): Command {
  return addConfigOption(command)
    .option('--broker <url>', 'the broker (else as configured)')
    .option('--data-dir <path>', 'data folder (else as configured)');
}

/** A broker to open, as the flags and the configuration name it. */
export interface ConfiguredBroker {
  readonly url: string;
  /** Findings with which it is opened all the same. */
  readonly allow: readonly AllowableFinding[];
}

/** @throws CliError when the configuration is not valid */
export async function readBroker(
  { config: file, broker, dataDir }: BrokerOptions,
  io: Io,
): Promise<ConfiguredBroker> {
  const config = await readConfig(file, { broker, data_dir: dataDir }, io);
  return { url: config.broker, allow: config.brokerAllow };
}

/** Prefix of a SQLite broker's URL. */
const SQLITE = 'sqlite:';

/** Refuses a SQLite file that does not exist: opening it would create an empty one, in which nothing is wrong. */
export function checkFile(url: string): void {
  const path = url.slice(SQLITE.length);
  if (url.startsWith(SQLITE) && !existsSync(path))
    throw new CliError(`There is no file ${path}. Name the broker with --broker.`);
}

/**
 * Opens the broker itself, for commands that work without the service.
 *
 * @param action what the user should do while the service is stopped, for the error when SQLite's file is in use
 */
export async function openBroker({ url, allow }: ConfiguredBroker, action: string): Promise<Broker> {
  const { connect, isTaskCenterError } = await import('@task-center/engine');
  try {
    return await connect(url, { allow, log: false });
  } catch (error) {
    if (!isTaskCenterError(error, 'database-in-use')) throw error;
    const fix = `Stop the service, ${action}, and start it again.`;
    throw new CliError(`${explain(error)} ${fix}`, 1, { cause: error });
  }
}
