// Configuration of the commands that run the service or open its broker: file, environment and flags go to the server's
// `loadConfig`, and its problems become one error for the user.

import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Config, ConfigProblem } from '@task-center/server';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { decodeText } from './input.ts';
import type { Io } from './io.ts';

const DEFAULT_FILE = 'etc/taskcenter.yaml';

/** Values of flags, by the key of the configuration that they set. */
export type Flags = Readonly<Record<string, string | undefined>>;

/** Adds the option that names the file for `readConfig`. */
export function addConfigOption(command: Command): Command {
  return command.option('--config <path>', `configuration file (else ${DEFAULT_FILE}, if it exists)`);
}

/** The text of the configuration file; null = no file was named, and the default one does not exist. */
function readConfigFile(named: string | undefined): string | null {
  const path = named ?? DEFAULT_FILE;
  if (named === undefined && !existsSync(path)) return null;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`The configuration file ${path} cannot be read (${code}). Name it with --config.`, 1, {
      cause: error,
    });
  }
  return decodeText(bytes, (fault) => {
    throw new CliError(`The configuration file ${path} ${fault}.`);
  });
}

/** One error that names every problem. */
function configError(problems: readonly ConfigProblem[], texts: readonly string[]): CliError {
  const title = 'The configuration is not valid';
  const [first] = texts;
  if (problems.length === 1 && first !== undefined) return new CliError(`${title}: ${first}.`);
  return new CliError(
    [`${title}, in ${problems.length} places:`, ...texts.map((text) => `  ${text}`)].join('\n'),
  );
}

/** The path that `--config` or the environment names. */
const namedFile = (file: string | undefined, io: Io) => file ?? (io.env['TASKCENTER_CONFIG'] || undefined);

/**
 * The service's configuration from file, environment and flags. Warnings are printed to standard error.
 *
 * @throws CliError that names all problems
 */
export async function readConfig(file: string | undefined, flags: Flags, io: Io): Promise<Config> {
  const { loadConfig, problemText } = await import('@task-center/server');
  const yaml = readConfigFile(namedFile(file, io));
  const loaded = loadConfig({ yaml, env: io.env, flags });
  for (const warning of loaded.warnings) io.err(`task-center: ${warning}`);
  if (!loaded.ok) throw configError(loaded.problems, loaded.problems.map(problemText));
  return loaded.config;
}

/** As `readConfig`, in a process that has read it before: a pipe would give nothing now, or nothing until somebody writes. */
export async function readConfigAgain(file: string | undefined, flags: Flags, io: Io): Promise<Config> {
  const path = namedFile(file, io) ?? DEFAULT_FILE;
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO())
    throw new CliError(`The configuration file ${path} is a pipe, and can be read only once.`);
  return readConfig(file, flags, io);
}
