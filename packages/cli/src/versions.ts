// Changes of what has versions: only of the version that somebody has seen. See docs/design/http-api.md#versions.

import { ApiError, etagOf } from '@task-center/api';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError } from './errors.ts';

/** The option of a command that changes or deletes a version. */
export interface VersionOptions {
  /** The version that the change is for; left out = any. */
  readonly ifVersion?: number;
}

function versionNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected the number of a version.');
  return Number(text);
}

/** Adds `--if-version`. */
export const addIfVersion = (command: Command): Command =>
  command.option('--if-version <number>', 'only if it still has this version', versionNumber);

/** The header that says so. Without the option there is none, and any version is changed. */
export const matchOf = ({ ifVersion }: VersionOptions): { 'if-match'?: string } =>
  ifVersion === undefined ? {} : { 'if-match': etagOf(ifVersion) };

/** The options of a command that puts something with versions. */
export interface PutOptions extends VersionOptions {
  /** Whether there must be none with this ID. */
  readonly create?: boolean;
}

/** Adds `--if-version` and `--create`, which exclude each other. */
export const addPutConditions = (command: Command): Command =>
  addIfVersion(command).addOption(
    new Option('--create', 'only if there is none with this ID').conflicts('ifVersion'),
  );

/**
 * Puts something, with the headers that the options ask for.
 *
 * @param what such as `schedule "nightly"`
 * @throws CliError there is one already, though `--create` was given
 */
export async function putWith<Result>(
  what: string,
  options: PutOptions,
  put: (headers: { 'if-match'?: string; 'if-none-match'?: string }) => Promise<Result>,
): Promise<Result> {
  try {
    return await put({ ...matchOf(options), ...(options.create && { 'if-none-match': '*' }) });
  } catch (error) {
    if (!options.create || !(error instanceof ApiError) || error.problem?.code !== 'version-mismatch')
      throw error;
    const version = error.problem['current_version'];
    throw new CliError(
      `There is a ${what} already, in version ${String(version)}. Leave out --create to replace it, or choose another ID.`,
      1,
      { cause: error },
    );
  }
}
