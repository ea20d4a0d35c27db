// The only module that reads the real process: environment, streams, signals. Commands get it as `Io`.

import { buffer } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import { createCommandOutput } from './command-output.ts';
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
  const { argv, stdout, stderr } = process;
  // Of `fsck` 1 means that findings remain, and 2 that nothing can be said about them.
  const exitCode = argv[2] === 'fsck' ? 2 : 1;
  const out = createCommandOutput({ stdout, stderr, exitCode });
  // It is no error when nothing reads standard error.
  stderr.on('error', () => {});
  process.exitCode = await runCli(argv.slice(2), {
    ...processIo,
    out: (line) => out.write(line),
    err: (line) => void stderr.write(`${line}\n`),
    service: null,
  });
  await out.written();
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
