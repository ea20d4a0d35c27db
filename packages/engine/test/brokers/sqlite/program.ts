import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface Program {
  /** The next line that it says. */
  line(): Promise<string>;
  /** Everything said so far that no `line()` took, and what comes until it ends. */
  rest(): Promise<string[]>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

const gone = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};

/** A real process that runs one of `programs/`; killed when the test ends. */
export function startProgram(name: string, ...args: readonly string[]): Program {
  const file = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const kill = async () => {
    child.kill('SIGKILL');
    await gone(child);
  };
  onTestFinished(kill);
  return {
    kill,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended without a word`);
      return value;
    },
    async rest() {
      const said: string[] = [];
      for (let next = await lines.next(); !next.done; next = await lines.next()) said.push(next.value);
      return said;
    },
  };
}
