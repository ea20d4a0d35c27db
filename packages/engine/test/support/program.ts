import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real process that a test watches by its lines. */
export interface Program {
  readonly pid: number;
  /** What it has said so far. */
  readonly lines: readonly string[];
  /** The next line that no `line()` gave; rejects when it ends without one. */
  nextLine(): Promise<string>;
  /** Resolves when `count` of its lines fit; rejects when it ends without them. */
  waitForLine(fits: (line: string) => boolean, count?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended and all its lines have come. */
  readonly ended: Promise<Exit>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  /** Options of Node itself, such as `--max-old-space-size=64`. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What becomes the program (by `exec`), such as `['faketime', '-f', '+1h']`. Default: nothing. */
  readonly wrapper?: readonly string[];
  /** Drops what it writes to its standard error. Default false. */
  readonly quiet?: boolean;
}

/**
 * Starts `programs/<name>` beside the test that names itself by `import.meta.url`; it is killed when the test ends.
 * Programs use the built engine, by its published name.
 */
export function startProgram(test: string, name: string, ...args: readonly string[]): Program {
  return launchProgram(fileURLToPath(new URL(`programs/${name}`, test)), { args });
}

/** Starts a program of Node by its path; it is killed when the test ends. */
export function launchProgram(path: string, options: LaunchOptions = {}): Program {
  const { args = [], nodeArgs = [], env, wrapper = [], quiet = false } = options;
  const [command = '', ...rest] = [...wrapper, process.execPath, ...nodeArgs, path, ...args];
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', quiet ? 'ignore' : 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let given = 0;
  let over = false;
  const look = () => watchers.forEach((watcher) => watcher());
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    look();
  });
  const ended = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      over = true;
      look();
      resolve({ code, signal });
    });
  });

  /** Resolves when it holds; rejects when the program has ended without that. */
  function until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watcher = () => {
        if (!holds() && !over) return;
        watchers.delete(watcher);
        if (holds()) resolve();
        else reject(new Error(`${path} ended; it said: ${lines.slice(-5).join(' | ')}`));
      };
      watchers.add(watcher);
      watcher();
    });
  }

  const program: Program = {
    pid: child.pid ?? 0,
    lines,
    ended,
    signal: (signal) => void child.kill(signal),
    waitForLine: (fits, count = 1) => until(() => lines.filter(fits).length >= count),
    async nextLine() {
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
