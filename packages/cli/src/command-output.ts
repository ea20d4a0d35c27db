// The standard output of a command. Whether it could be written is part of the command's success: a script must learn when it
// was lost.

/** Size of the part that is written first, bytes. It shows whether a reader has taken anything of the output. */
const FIRST_PART = 512;

interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Exit code of a command whose output was lost, and which has not failed in another way. */
  readonly exitCode: number;
}

/** Standard output. If it cannot be written, the process says so and ends. */
interface CommandOutput {
  /** Writes a line. */
  write(line: string): void;
  /** Resolves when all was written. A reader such as `less` may take its time. */
  written(): Promise<void>;
}

/** A reader such as `head` may end when it has seen enough: that is no error, and nothing is said. */
export function createCommandOutput({ stdout, stderr, exitCode }: Streams): CommandOutput {
  let isTaken = false;
  stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    const isEnough = code === 'EPIPE' && isTaken;
    const why = code === 'EPIPE' ? 'nothing reads it' : (code ?? message);
    if (!isEnough) stderr.write(`task-center: The output could not be written (${why}).\n`);
    // Later: a command that has failed sets its exit code after it has written.
    setImmediate(() => process.exit(process.exitCode || (isEnough ? 0 : exitCode)));
  });
  return {
    // In two parts: a pipe whose reader has ended takes not even the first one.
    write(line) {
      const bytes = Buffer.from(`${line}\n`);
      stdout.write(bytes.subarray(0, FIRST_PART), (error) => (isTaken ||= !error));
      if (bytes.length > FIRST_PART) stdout.write(bytes.subarray(FIRST_PART));
    },
    written: () => new Promise((resolve) => stdout.write('', () => resolve())),
  };
}
