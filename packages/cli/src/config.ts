import { existsSync, readFileSync } from 'node:fs';
import type { Config, ConfigProblem } from '@task-center/server';
import { CliError } from './cli-error.ts';
import type { Io } from './io.ts';

const DEFAULT_FILE = 'etc/taskcenter.yaml';

/** Flags by the key of the configuration that they set. */
export type Flags = Readonly<Record<string, string | undefined>>;

/** The file's text; null = none was named, and there is none where one is looked for. */
function readFile(named: string | undefined): string | null {
  const path = named ?? DEFAULT_FILE;
  if (named === undefined && !existsSync(path)) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`The configuration file ${path} cannot be read (${code}). Name it with --config.`, 1, {
      cause: error,
    });
  }
}

function refused(problems: readonly ConfigProblem[], texts: readonly string[]): CliError {
  const head = 'The configuration is not valid';
  const [first] = texts;
  if (problems.length === 1 && first !== undefined) return new CliError(`${head}: ${first}.`);
  return new CliError(
    [`${head}, in ${problems.length} places:`, ...texts.map((text) => `  ${text}`)].join('\n'),
  );
}

/** The service's configuration from file, environment and flags; what is only odd is said on standard error. */
export async function readConfig(file: string | undefined, flags: Flags, io: Io): Promise<Config> {
  const { loadConfig, problemText } = await import('@task-center/server');
  const yaml = readFile(file ?? (io.env['TASKCENTER_CONFIG'] || undefined));
  const loaded = loadConfig({ yaml, env: io.env, flags });
  for (const warning of loaded.warnings) io.err(`task-center: ${warning}`);
  if (!loaded.ok) throw refused(loaded.problems, loaded.problems.map(problemText));
  return loaded.config;
}
