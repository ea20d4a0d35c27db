// What some peers need besides the packages of this repository is got when the bench is asked for them.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Runs a program to its end; resolves to its output. */
export const run = (command, args, options = {}) =>
  exec(command, args, { ...options, maxBuffer: 64 * 1_024 * 1_024 }).then(({ stdout }) => stdout);

/** The same once per process, however often it is asked for. */
export function once(make) {
  let made;
  return () => (made ??= make());
}

/** What went wrong with a program, in a line. */
export const reason = ({ stderr = '', message }) =>
  stderr.trim().split('\n').at(-1) || message.split('\n')[0];
