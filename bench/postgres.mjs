import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './peers/install.mjs';
import { freePort } from './redis.mjs';

/** Debian installs each version into a folder of its own, which is not on the PATH. */
const DEBIAN = '/usr/lib/postgresql';
const MISSING =
  'it needs PostgreSQL (Debian: apt-get install postgresql; or BENCH_INSTALL=1 to have the bench do that, as root)';

const byVersion = (a, b) => Number(b) - Number(a);

/** The folder with `initdb` and `postgres` of the newest version; null = not installed. */
function findPrograms() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort(byVersion) : [];
  const folders = [
    ...versions.map((version) => path.join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(path.delimiter),
  ];
  return folders.find((folder) => existsSync(path.join(folder, 'initdb'))) ?? null;
}

/** Returns what is missing, or null. Installs PostgreSQL if BENCH_INSTALL=1. */
export async function postgresNeeds() {
  if (findPrograms()) return null;
  if (process.env.BENCH_INSTALL === '1') {
    const quiet = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    await run('apt-get', ['install', '-y', 'postgresql'], quiet).catch(() => null);
  }
  return findPrograms() ? null : MISSING;
}

/** PostgreSQL refuses to run as root. Root runs it as the user `postgres`, or else as `nobody`. */
function unprivilegedUser() {
  if (process.getuid() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].map((name) => users.find(([known]) => known === name)).find(Boolean);
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/**
 * Starts a PostgreSQL cluster in a temporary folder with the default configuration of `initdb`: fsync and synchronous commit are
 * on. It is removed when this process exits.
 */
export async function startPostgres() {
  const bin = findPrograms();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-postgres-'));
  const owner = unprivilegedUser();
  if (owner.uid !== undefined) chownSync(dir, owner.uid, owner.gid);
  const data = path.join(dir, 'data');
  const options = { ...owner, cwd: dir, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
  await run(path.join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8'], options);
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir];
  const server = spawn(path.join(bin, 'postgres'), args, { ...options, stdio: 'ignore' });
  server.unref();
  process.once('exit', () => {
    server.kill('SIGQUIT');
    rmSync(dir, { recursive: true, force: true });
  });
  const ready = () => run(path.join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], options);
  while (!(await ready().catch(() => null))) {
    if (server.exitCode !== null) throw new Error('PostgreSQL did not start.');
    await sleep(50);
  }
  return { url: `postgres://bench@127.0.0.1:${port}/postgres` };
}
