// Helpers to install what some peers need in addition to the packages of this repository.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Runs a program; resolves to its standard output. */
export const run = (command, args, options = {}) =>
  exec(command, args, { ...options, maxBuffer: 64 * 1_024 * 1_024 }).then(({ stdout }) => stdout);

/** Calls `make` once per process; later calls return the same value. */
export function once(make) {
  let value;
  return () => (value ??= make());
}

/** The error of a program in one line. */
export const reason = ({ stderr = '', message }) =>
  stderr.trim().split('\n').at(-1) || message.split('\n')[0];
