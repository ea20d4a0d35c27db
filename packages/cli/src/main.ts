import { text } from 'node:stream/consumers';
import type { Io } from './io.ts';
import { runCli } from './program.ts';

const { env, stdin, stdout, stderr } = process;
const wantsColours = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
/** What may still hold the process when its work is done, such as a connection that does not come about. */
const LINGER_MS = 1_000;

const io: Io = {
  env,
  colours: { out: wantsColours && stdout.isTTY, err: wantsColours && stderr.isTTY },
  errIsTerminal: stderr.isTTY,
  out: (line) => void stdout.write(`${line}\n`),
  err: (line) => void stderr.write(`${line}\n`),
  readInput: () => text(stdin),
  onSignal(listener) {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
    return () => {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    };
  },
  exit: (code) => process.exit(code),
};

// Whoever reads our output may stop reading, as `head` does: that is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCli(process.argv.slice(2), io);
setTimeout(() => process.exit(), LINGER_MS).unref();
