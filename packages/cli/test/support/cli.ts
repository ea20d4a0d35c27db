import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The committed entry, which runs the built program. */
export const BIN = fileURLToPath(new URL('../../bin/task-center.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A real `task-center` process. */
export interface Cli {
  /** Its output so far. */
  readonly written: { readonly out: string; readonly err: string };
  /** Resolves when its output matches; rejects when it ends before that. */
  saw(pattern: RegExp): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Signals the process and all that it has started, as a terminal does. */
  signalAll(signal: NodeJS.Signals): void;
  /** Writes to the standard input of a wrapper. */
  type(text: string): void;
  readonly ended: Promise<Ended>;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Nobody reads what the process writes to standard output. */
  readonly leaveOutUnread?: boolean;
  /** The number of files that it may have open, which Node itself cannot raise. */
  readonly maxOpenFiles?: number;
  /** Open files or pipes in place of the streams that the test reads. */
  readonly streams?: { readonly out?: number; readonly err?: number };
  /** A program that starts the command, such as `script`: its arguments, in front. */
  readonly wrapper?: (command: readonly string[]) => readonly string[];
}

/** This machine's own settings must not reach a test. */
function cleanEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:TASKCENTER_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  return Object.fromEntries(entries);
}

const running = new Set<Cli>();

export function startCli(args: readonly string[], options: CliOptions = {}): Cli {
  const { env = {}, cwd, leaveOutUnread, maxOpenFiles, streams, wrapper } = options;
  const limit = maxOpenFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${maxOpenFiles}; exec "$@"`, 'sh'];
  const plain = [...limit, process.execPath, BIN, ...args];
  const [command = '', ...commandArgs] = wrapper ? wrapper(plain) : plain;
  const child = spawn(command, commandArgs, {
    env: { ...cleanEnv(), ...env },
    stdio: [wrapper ? 'pipe' : 'ignore', streams?.out ?? 'pipe', streams?.err ?? 'pipe'],
    // A group of its own, which `signalAll` reaches.
    detached: true,
    ...(cwd !== undefined && { cwd }),
  });
  const written = { out: '', err: '' };
  const watchers = new Set<() => void>();
  const collect = (name: 'out' | 'err') => (data: Buffer) => {
    written[name] += data.toString();
    for (const watcher of watchers) watcher();
  };
  if (!leaveOutUnread) child.stdout?.on('data', collect('out'));
  child.stderr?.on('data', collect('err'));
  const ended = new Promise<Ended>((resolve) => {
    child.once(leaveOutUnread ? 'exit' : 'close', (code) => {
      running.delete(cli);
      resolve({ code, ...written });
    });
  });
  const cli: Cli = {
    written,
    ended,
    signal: (signal) => void child.kill(signal),
    signalAll: (signal) => void process.kill(-(child.pid ?? 0), signal),
    type: (text) => void child.stdin?.write(text),
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!pattern.test(written.out + written.err)) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        void ended.then(({ code, out, err }) =>
          reject(new Error(`ended with ${code} before ${pattern}:\n${out}${err}`)),
        );
        check();
      }),
  };
  running.add(cli);
  return cli;
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], options?: CliOptions): Promise<Ended> {
  return startCli(args, options).ended;
}

/** Ends all processes that a test has left running. */
export async function endAll(): Promise<void> {
  const all = [...running];
  for (const cli of all) cli.signalAll('SIGKILL');
  await Promise.all(all.map(({ ended }) => ended));
}
