// The process of the service, which only `supervise` starts. An entry file of its own tells it that it has a parent; a
// variable would be inherited by the programs that it starts.
import { createSink } from '@task-center/engine/sink';
import type { Io, ServiceMessage } from '../io.ts';
import { processIo } from '../process-io.ts';
import { runCli } from '../program.ts';
import { watchTerminal } from '../terminal.ts';

/** Longest time to write what is left of the log, ms. */
const LOG_FLUSH_MS = 500;

/** Before the service has started there is nothing to stop in order, and the process simply exits. */
let onGone: () => void = () => process.exit(1);

if (!process.connected) onGone();
process.on('disconnect', () => onGone());
// The channel to the parent must not keep this process alive.
process.channel?.unref();

const out = createSink(1, () => process.stdout);
const err = createSink(2, () => process.stderr);
const tell = (message: ServiceMessage) => void process.send?.(message, () => {});

// The parent ends a process that hangs in its exit, and needs the code for that.
process.on('exit', (code) => {
  if (process.connected) tell({ is: 'exiting', code });
  // An exit waits for all threads, and this one may never come back.
  if (out.isStuck() || err.isStuck()) process.kill(process.pid, 'SIGKILL');
});

function writeError(line: string): void {
  const dropped = err.takeDropped();
  if (dropped > 0) err.write(`task-center: ${dropped} lines were dropped here, because nothing took them\n`);
  err.write(`${line}\n`);
}

const io: Io = {
  ...processIo,
  out: (line) => out.write(`${line}\n`),
  err: writeError,
  service: {
    parent: { tell, onGone: (listener) => (onGone = listener) },
    log: out,
    isTerminalGone: watchTerminal(),
  },
};

const code = await runCli(process.argv.slice(2), io);
await Promise.all([out.flush(LOG_FLUSH_MS), err.flush(LOG_FLUSH_MS)]);
process.exit(code);
