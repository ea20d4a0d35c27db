import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** How a process ended: by an exit code or by a signal; the other one is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real process that a test observes by the lines on its standard output. */
export interface Program {
  readonly pid: number;
  /** The lines so far. */
  readonly lines: readonly string[];
  /** Resolves to the next line, in order; rejects if the process ends without one. */
  nextLine(): Promise<string>;
  /** Resolves when `count` lines fit (default 1); rejects if the process ends without them. */
  waitForLine(fits: (line: string) => boolean, count?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended and all its lines have been read. */
  readonly ended: Promise<Exit>;
  /** Sends SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  /** Path of the Node that runs it. Default: that of this process. */
  readonly node?: string;
  /** Options of Node itself, such as `--max-old-space-size=64`. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the program by `exec`, such as `['faketime', '-f', '+1h']`. Default: none. */
  readonly wrapper?: readonly string[];
  /** Whether to discard its standard error. Default false. */
  readonly quiet?: boolean;
}

/**
 * Starts `programs/<name>` beside the test file, which passes its `import.meta.url`. The program is killed when the test
 * ends. Programs import the built engine by its published name.
 */
export function startProgram(test: string, name: string, ...args: readonly string[]): Program {
  return launchProgram(fileURLToPath(new URL(`programs/${name}`, test)), { args });
}

/** Starts a Node program by its path. It is killed when the test ends. */
export function launchProgram(path: string, options: LaunchOptions = {}): Program {
  const { args = [], node = process.execPath, nodeArgs = [], env, wrapper = [], quiet = false } = options;
  const [command = '', ...commandArgs] = [...wrapper, node, ...nodeArgs, path, ...args];
  const child = spawn(command, commandArgs, {
    stdio: ['ignore', 'pipe', quiet ? 'ignore' : 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let linesRead = 0;
  let hasEnded = false;
  const notify = () => watchers.forEach((watcher) => watcher());
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    notify();
  });
  const ended = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      hasEnded = true;
      notify();
      resolve({ code, signal });
    });
  });

  /** Resolves when the condition holds; rejects if the program has ended before. */
  function until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watcher = () => {
        if (!holds() && !hasEnded) return;
        watchers.delete(watcher);
        if (holds()) resolve();
        else reject(new Error(`${path} ended; its last lines: ${lines.slice(-5).join(' | ')}`));
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
      await until(() => lines.length > linesRead);
      linesRead += 1;
      return lines[linesRead - 1] as string;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  onTestFinished(() => program.kill());
  return program;
}
