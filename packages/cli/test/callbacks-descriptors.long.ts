// A service with fewer file descriptors than callbacks at once: none of them fails for it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { until } from '../../engine/test/support/until.ts';

const PROGRAM = fileURLToPath(new URL('../bin/task-center.js', import.meta.url));
const CALLBACKS = 300;

async function startReceiver(): Promise<{ url: string; received(): number }> {
  let received = 0;
  const server = createServer((request, response) => {
    received += 1;
    request.resume();
    setTimeout(() => response.end('ok'), 300);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1_024, resolve));
  onTestFinished(() => (server.closeAllConnections(), void server.close()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received: () => received };
}

/** Starts the service. Both limits are lowered: Node raises the soft one to the hard one. */
async function startService(descriptors: number): Promise<{ url: string; headers: Record<string, string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-descriptors-'));
  const port = await freePort();
  const command = `ulimit -n ${descriptors} && exec ${process.execPath} ${PROGRAM} serve --log-level error`;
  const env = { ...process.env, TASKCENTER_DATA_DIR: folder, TASKCENTER_HTTP_PORT: String(port) };
  const service = spawn('sh', ['-c', command], { cwd: folder, env, stdio: 'ignore', detached: true });
  onTestFinished(() => {
    if (service.pid !== undefined) process.kill(-service.pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const key = readFileSync(join(folder, 'admin.key'), 'utf8').trim();
  return { url, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } };
}

test.skipIf(process.platform !== 'linux')(
  'callbacks for which there are no descriptors wait, and arrive at their only attempt',
  async () => {
    const receiver = await startReceiver();
    const { url, headers } = await startService(200);
    const defaults = { callback: { url: receiver.url }, retry: { max_retries: 0 }, retention: '1h' };
    const tasks = Array.from({ length: CALLBACKS }, (_, i) => ({ id: `t-${i}` }));
    const body = JSON.stringify({ defaults, tasks });
    expect((await fetch(`${url}/v1/batches`, { method: 'POST', headers, body })).status).toBe(200);
    await until(() => receiver.received() >= CALLBACKS, 90_000);
    // Connections of clients have given way to callbacks, and may do so for a moment yet.
    const countOf = (state: string): Promise<number> =>
      fetch(`${url}/v1/tasks?queue=default&state=${state}&limit=1`, { headers })
        .then((answer) => answer.json() as Promise<{ total: number }>)
        .then(
          ({ total }) => total,
          () => -1,
        );
    await until(async () => (await countOf('completed')) === CALLBACKS);
    expect(receiver.received()).toBe(CALLBACKS);
  },
);
