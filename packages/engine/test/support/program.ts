import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A real process that a test watches by its lines. */
export interface Program {
  readonly lines: readonly string[];
  /** Resolves when `count` lines fit. */
  saw(fits: (line: string) => boolean, count?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** Starts `test/faults/programs/<name>`; it uses the built engine, by its published name. */
export function startProgram(name: string, ...args: string[]): Program {
  const path = fileURLToPath(new URL(`../faults/programs/${name}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    lines,
    ended,
    signal: (signal) => void child.kill(signal),
    saw: (fits, count = 1) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (lines.filter(fits).length < count) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        child.once('exit', () => reject(new Error(`${name} ended; it said: ${lines.slice(-5).join(' | ')}`)));
        look();
      }),
  };
}
