import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './peers/install.mjs';
import { freePort } from './redis.mjs';

/** Where Debian puts it: not on the PATH, a folder for each version. */
const DEBIAN = '/usr/lib/postgresql';
const MISSING =
  'it needs PostgreSQL (Debian: apt-get install postgresql; or BENCH_INSTALL=1 to have the bench do that, as root)';

const byVersion = (a, b) => Number(b) - Number(a);

/** The folder with `initdb` and `postgres`, of the newest version there is; null = none. */
function programs() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort(byVersion) : [];
  const folders = [
    ...versions.map((version) => path.join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(path.delimiter),
  ];
  return folders.find((folder) => existsSync(path.join(folder, 'initdb'))) ?? null;
}

/** What is missing here; installs it only where BENCH_INSTALL=1 asks for that. */
export async function postgresNeeds() {
  if (programs()) return null;
  if (process.env.BENCH_INSTALL === '1') {
    const quiet = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    await run('apt-get', ['install', '-y', 'postgresql'], quiet).catch(() => null);
  }
  return programs() ? null : MISSING;
}

/** PostgreSQL refuses to run as root: then the user that Debian makes for it, or nobody. */
function user() {
  if (process.getuid() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].map((name) => users.find(([known]) => known === name)).find(Boolean);
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/**
 * A PostgreSQL cluster of the bench's own in a temporary folder, configured as `initdb` leaves it: fsync and
 * synchronous commit on. It goes with this process.
 */
export async function startPostgres() {
  const bin = programs();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-postgres-'));
  const as = user();
  if (as.uid !== undefined) chownSync(dir, as.uid, as.gid);
  const data = path.join(dir, 'data');
  const how = { ...as, cwd: dir, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
  await run(path.join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8'], how);
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir];
  const server = spawn(path.join(bin, 'postgres'), args, { ...how, stdio: 'ignore' });
  server.unref();
  process.once('exit', () => {
    server.kill('SIGQUIT');
    rmSync(dir, { recursive: true, force: true });
  });
  const ready = () => run(path.join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], how);
  while (!(await ready().catch(() => null))) {
    if (server.exitCode !== null) throw new Error('PostgreSQL does not start here.');
    await sleep(50);
  }
  return { url: `postgres://bench@127.0.0.1:${port}/postgres` };
}
