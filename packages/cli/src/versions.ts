// Changes of what has versions: only of the version that somebody has seen. See docs/design/http-api.md#versions.

import { etagOf } from '@task-center/api';
import { InvalidArgumentError, type Command } from 'commander';

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
