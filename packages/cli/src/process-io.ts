// The only module that reads the real process: environment, streams, signals. Commands get it as `Io`.

import { buffer } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import type { Io } from './io.ts';
import { runCli } from './program.ts';

const { env } = process;
/** NO_COLOR is a convention of many programs, see https://no-color.org. */
const wantsColours = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
/**
 * When the work is done, something may still keep the process alive, such as a pending connection. The process is then
 * ended after this time.
 */
const LINGER_MS = 1_000;

/** What every process has. */
export const processIo = {
  env,
  colours: { out: wantsColours && isatty(1), err: wantsColours && isatty(2) },
  errIsTerminal: isatty(2),
  readInput: () => buffer(process.stdin),
  onSignal(signals, listener) {
    for (const signal of signals) process.on(signal, listener);
    return () => {
      for (const signal of signals) process.off(signal, listener);
    };
  },
  exit: (code) => process.exit(code),
} satisfies Partial<Io>;

/** Runs a command in this process, and ends it afterwards. */
export async function runCommand(): Promise<void> {
  const { stdout, stderr } = process;
  // A reader such as `head` may close the pipe early: that is no error.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  // Nor is it an error when nothing reads standard error.
  stderr.on('error', () => {});
  process.exitCode = await runCli(process.argv.slice(2), {
    ...processIo,
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    service: null,
  });
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
