import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The committed entry; it runs the built program. */
const BIN = fileURLToPath(new URL('../../bin/task-center.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A real `task-center` process. */
export interface Cli {
  /** What it has written so far. */
  readonly written: { readonly out: string; readonly err: string };
  /** Resolves when what it wrote matches; rejects when it ends before. */
  saw(pattern: RegExp): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** The same to it and all that it started, as a terminal does. */
  signalAll(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** This machine's own settings must not reach a test. */
function cleanEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:TASKCENTER_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  return Object.fromEntries(entries);
}

const running = new Set<Cli>();

export function startCli(args: readonly string[], { env = {}, cwd }: CliOptions = {}): Cli {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, which `signalAll` reaches.
    detached: true,
    ...(cwd !== undefined && { cwd }),
  });
  const written = { out: '', err: '' };
  const watchers = new Set<() => void>();
  const hear = (name: 'out' | 'err') => (data: Buffer) => {
    written[name] += data.toString();
    for (const watcher of watchers) watcher();
  };
  child.stdout.on('data', hear('out'));
  child.stderr.on('data', hear('err'));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      running.delete(cli);
      resolve({ code, ...written });
    });
  });
  const cli: Cli = {
    written,
    ended,
    signal: (signal) => void child.kill(signal),
    signalAll: (signal) => void process.kill(-(child.pid ?? 0), signal),
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(written.out + written.err)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        void ended.then(({ code, out, err }) =>
          reject(new Error(`ended with ${code} before ${pattern}:\n${out}${err}`)),
        );
        look();
      }),
  };
  running.add(cli);
  return cli;
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], options?: CliOptions): Promise<Ended> {
  return startCli(args, options).ended;
}

/** Ends what a test has left running. */
export async function endAll(): Promise<void> {
  const all = [...running];
  for (const cli of all) cli.signalAll('SIGKILL');
  await Promise.all(all.map(({ ended }) => ended));
}
