// The only module that reads the real process: environment, streams, signals. Commands get it as `Io`.

import { text } from 'node:stream/consumers';
import type { Io, Parent, StopSignal } from './io.ts';
import { runCli } from './program.ts';

const { env, stdin, stdout, stderr } = process;
/** NO_COLOR is a convention of many programs, see https://no-color.org. */
const wantsColours = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
/**
 * When the work is done, something may still keep the process alive, such as a pending connection. The process is then
 * ended after this time.
 */
const LINGER_MS = 1_000;
const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const io: Omit<Io, 'parent'> = {
  env,
  colours: { out: wantsColours && stdout.isTTY, err: wantsColours && stderr.isTTY },
  errIsTerminal: stderr.isTTY,
  out: (line) => void stdout.write(`${line}\n`),
  err: (line) => void stderr.write(`${line}\n`),
  readInput: () => text(stdin),
  onSignal(listener) {
    for (const signal of STOP_SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of STOP_SIGNALS) process.off(signal, listener);
    };
  },
  exit: (code) => process.exit(code),
};

/** Runs the command line in this process, and ends it afterwards. */
export async function runInThisProcess(parent: Parent | null = null): Promise<void> {
  // A reader such as `head` may close the pipe early: that is no error. A service goes on when its log's reader has gone.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (parent === null) process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  // Nor is it an error when nothing reads standard error.
  stderr.on('error', () => {});
  process.exitCode = await runCli(process.argv.slice(2), { ...io, parent });
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
