import { text } from 'node:stream/consumers';
import type { Io, Parent } from './io.ts';
import { runCli } from './program.ts';

const { env, stdin, stdout, stderr } = process;
const wantsColours = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
/** What may still hold the process when its work is done, such as a connection that does not come about. */
const LINGER_MS = 1_000;
/** SIGHUP is none of them: what is logged to a terminal that is gone would hold up an orderly end. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

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

/** Runs the command line in this process, which ends afterwards. */
export async function runHere(parent: Parent | null = null): Promise<void> {
  // Whoever reads our output may stop reading, as `head` does: that is no error.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  // Nor is it one when nobody reads what it says on the side.
  stderr.on('error', () => {});
  process.exitCode = await runCli(process.argv.slice(2), { ...io, parent });
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
