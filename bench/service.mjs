// Starts the whole service, and a receiver of its callbacks.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './redis.mjs';

const CLI = fileURLToPath(new URL('../packages/cli/bin/task-center.js', import.meta.url));
const BATCH = 500;

/** Starts `task-center serve` and waits until it is ready. @param broker a URL; null: a SQLite file in `folder` */
export async function serve(broker, folder, args = []) {
  const port = await freePort();
  const env = {
    ...process.env,
    TASKCENTER_BROKER: broker ?? `sqlite:${path.join(folder, 'tasks.db')}`,
    TASKCENTER_DATA_DIR: folder,
    TASKCENTER_HTTP_PORT: String(port),
  };
  const options = { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], detached: true };
  const service = spawn(process.execPath, [CLI, 'serve', '--log-level', 'error', ...args], options);
  let errorOutput = '';
  service.stderr.on('data', (text) => (errorOutput += text));
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/readyz`).catch(() => null))?.ok) {
    if (service.exitCode !== null) throw new Error(`The service did not start: ${errorOutput}`);
    await sleep(100);
  }
  const key = readFileSync(path.join(folder, 'admin.key'), 'utf8').trim();
  return {
    /** The process that serves. Its parent only supervises it. */
    pid: Number(readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8')),
    /** Submits tasks in batches; resolves to the tasks in the service's answers. */
    async submit(defaults, tasks) {
      const created = [];
      for (let i = 0; i < tasks.length; i += BATCH) {
        const answer = await fetch(`${url}/v1/batches`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ defaults, tasks: tasks.slice(i, i + BATCH) }),
        });
        if (!answer.ok) throw new Error(`The service answered ${answer.status}: ${await answer.text()}`);
        const { items } = await answer.json();
        created.push(...items.map(({ task }) => task));
      }
      return created;
    },
    /** Sends a signal to both processes; resolves when both have ended. */
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => (service.once('close', resolve), process.kill(-service.pid, signal))),
  };
}

/** Receives callbacks. `onTask` gets the task ID; the answer is sent when its promise resolves. */
export async function receive(onTask) {
  const receiver = http.createServer((request, response) => {
    const handled = onTask(request.headers['task-center-task-id']);
    request.resume().on('end', () => void Promise.resolve(handled).then(() => response.end()));
  });
  await new Promise((resolve) => receiver.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve));
  return {
    url: `http://127.0.0.1:${receiver.address().port}/`,
    stop: () =>
      new Promise((resolve) => {
        receiver.close(resolve);
        receiver.closeAllConnections();
      }),
  };
}
