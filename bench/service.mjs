// The whole service in a process of its own, below its parent, and a receiver of its callbacks.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './redis.mjs';

const CLI = fileURLToPath(new URL('../packages/cli/bin/task-center.js', import.meta.url));
const BATCH = 500;

/** `task-center serve`, ready, on `broker` (null: a SQLite file in `folder`). */
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
  let said = '';
  service.stderr.on('data', (text) => (said += text));
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/readyz`).catch(() => null))?.ok) {
    if (service.exitCode !== null) throw new Error(`The service did not start: ${said}`);
    await sleep(100);
  }
  const key = readFileSync(path.join(folder, 'admin.key'), 'utf8').trim();
  return {
    /** The process that serves; its parent only watches it. */
    pid: Number(readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8')),
    /** Submits in batches; resolves to the tasks as the service answers them. */
    async submit(defaults, tasks) {
      const made = [];
      for (let i = 0; i < tasks.length; i += BATCH) {
        const answer = await fetch(`${url}/v1/batches`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ defaults, tasks: tasks.slice(i, i + BATCH) }),
        });
        if (!answer.ok) throw new Error(`The service answered ${answer.status}: ${await answer.text()}`);
        const { items } = await answer.json();
        made.push(...items.map(({ task }) => task));
      }
      return made;
    },
    /** Sends the signal to both; resolves when both have ended. */
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => (service.once('close', resolve), process.kill(-service.pid, signal))),
  };
}

/** Receives callbacks; `onTask` gets the task's ID, and what it resolves to is waited for before the answer. */
export async function receive(onTask) {
  const receiver = http.createServer((request, response) => {
    const held = onTask(request.headers['task-center-task-id']);
    request.resume().on('end', () => void Promise.resolve(held).then(() => response.end()));
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
