import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A real process that a test watches by its lines. */
export interface Program {
  /** What it has said so far. */
  readonly lines: readonly string[];
  /** The next line that no `line()` gave; rejects when it ends without one. */
  line(): Promise<string>;
  /** Resolves when `count` of its lines fit; rejects when it ends without them. */
  saw(fits: (line: string) => boolean, count?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended and all its lines have come. */
  readonly ended: Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts `programs/<name>` beside the test that names itself by `import.meta.url`; it is killed when the test ends.
 * Programs use the built engine, by its published name.
 */
export function startProgram(test: string, name: string, ...args: readonly string[]): Program {
  const path = fileURLToPath(new URL(`programs/${name}`, test));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let given = 0;
  let over = false;
  const look = () => watchers.forEach((watcher) => watcher());
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    look();
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      over = true;
      look();
      resolve();
    });
  });

  /** Resolves when it holds; rejects when the program has ended without that. */
  function until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watcher = () => {
        if (!holds() && !over) return;
        watchers.delete(watcher);
        if (holds()) resolve();
        else reject(new Error(`${name} ended; it said: ${lines.slice(-5).join(' | ')}`));
      };
      watchers.add(watcher);
      watcher();
    });
  }

  const program: Program = {
    lines,
    ended,
    signal: (signal) => void child.kill(signal),
    saw: (fits, count = 1) => until(() => lines.filter(fits).length >= count),
    async line() {
      await until(() => lines.length > given);
      given += 1;
      return lines[given - 1] as string;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  onTestFinished(() => program.kill());
  return program;
}
