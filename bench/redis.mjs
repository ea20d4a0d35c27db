import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createClient } from '@redis/client';
import { MAX_PAUSE_MS, recordEvents, recordScripts } from './pauses.mjs';

/** Resolves to a TCP port that is free at the moment. */
export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Redis logs scripts from this duration on: low enough to find the longest, high enough to cost nothing. */
const SLOW_US = 500;
const BASE = ['--bind', '127.0.0.1', '--save', '', '--slowlog-log-slower-than', String(SLOW_US)];
const MONITOR = ['--slowlog-max-len', '4096', '--latency-monitor-threshold', String(MAX_PAUSE_MS)];
const PERSISTENCE = {
  none: ['--appendonly', 'no'],
  aof: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
};

/** CPU time of all threads of a process so far, s. Precise to the nanosecond, as a round may take only 100 ms. */
function cpuOf(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, threadNs) => sum + threadNs, 0) / 1e9;
}

/** Starts the process. Exits with a hint if redis-server is not installed. */
function start(port, dir, persistence) {
  const args = ['--port', String(port), '--dir', dir, ...BASE, ...PERSISTENCE[persistence]];
  const server = spawn('redis-server', [...args, ...MONITOR], { stdio: 'ignore' });
  server.on('error', () => {
    console.error(
      'The bench needs redis-server 7.0 or newer on the PATH (Debian: apt-get install redis-server).',
    );
    process.exit(1);
  });
  return server;
}

const isScript = ([, , , [command]]) => /^(evalsha|eval|fcall)/i.test(String(command));

/**
 * Starts a Redis for the bench: every peer gets the same configuration.
 *
 * @param {'none' | 'aof'} persistence `aof`: append-only file, synced every second
 */
export async function startRedis(persistence = 'none') {
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-redis-'));
  const server = start(port, dir, persistence);
  const url = `redis://127.0.0.1:${port}`;
  const admin = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  admin.on('error', () => {});
  await admin.connect();
  const send = (...args) => admin.sendCommand(args);
  return {
    url,
    port,
    send,
    async flush() {
      await send('FLUSHALL');
      await send('SLOWLOG', 'RESET');
    },
    cpu: () => cpuOf(server.pid),
    /** The longest script since the last call: `{ ms, sha1 }`; null: none took 0.5 ms. */
    async longestScript() {
      const entries = (await send('SLOWLOG', 'GET', '-1')).filter(isScript);
      await send('SLOWLOG', 'RESET');
      const scripts = entries.map(([, , us, [, sha1]]) => ({ ms: Number(us) / 1_000, sha1: String(sha1) }));
      recordScripts(scripts);
      return scripts.sort((a, b) => b.ms - a.ms)[0] ?? null;
    },
    /** `used_memory` of Redis, bytes. */
    async usedBytes() {
      return Number(/^used_memory:(\d+)/m.exec(await send('INFO', 'memory'))[1]);
    },
    async stop() {
      recordEvents(await send('LATENCY', 'LATEST'));
      admin.destroy();
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
