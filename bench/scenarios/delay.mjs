import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, connect, Worker } from '@task-center/engine';
import { freePort, startRedis } from '../redis.mjs';
import { percentile, spread } from '../report.mjs';

const LEAD_MS = 2_000;
const SECONDS = 5;
const CLI = fileURLToPath(new URL('../../packages/cli/bin/task-center.js', import.meta.url));

const row = (what, dueRate, latenesses) => ({
  what,
  'due/s': dueRate,
  tasks: latenesses.length,
  early: latenesses.filter((ms) => ms < 0).length,
  'p50 ms': spread(latenesses).median,
  'p99 ms': percentile(latenesses, 0.99),
  'max ms': Math.max(...latenesses),
});

/** Tasks due at an even rate, from `LEAD_MS` on; resolves to how late each handler started. */
async function handlers(what, url, rate) {
  const broker = await connect(url);
  const client = new Client(broker);
  const count = rate * SECONDS;
  const began = Date.now() + LEAD_MS;
  const dueOf = (i) => began + Math.floor((i * 1_000) / rate);
  const tasks = Array.from({ length: count }, (_, i) => ({
    task: 'bench',
    payload: dueOf(i),
    runAt: new Date(dueOf(i)),
  }));
  const latenesses = [];
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const worker = new Worker(broker, { concurrency: 100 });
  worker.handle('bench', ({ payload }) => {
    latenesses.push(Date.now() - payload);
    if (latenesses.length === count) finish();
  });
  await worker.start();
  for (let i = 0; i < count; i += 1_000) await client.enqueueMany(tasks.slice(i, i + 1_000));
  await all;
  await worker.stop();
  await broker.close();
  return row(what, rate, latenesses);
}

async function serve(broker, dir) {
  const port = await freePort();
  const env = {
    ...process.env,
    TASKCENTER_BROKER: broker,
    TASKCENTER_DATA_DIR: dir,
    TASKCENTER_HTTP_PORT: String(port),
  };
  const service = spawn(process.execPath, [CLI, 'serve'], {
    env,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/readyz`).catch(() => null))?.ok) await new Promise((r) => setTimeout(r, 100));
  const key = readFileSync(path.join(dir, 'admin.key'), 'utf8').trim();
  return {
    url,
    key,
    stop: () => new Promise((resolve) => (service.once('exit', resolve), service.kill('SIGTERM'))),
  };
}

/** Delayed callbacks through the whole service; lateness at the receiver, measured from the task's `due_at`. */
async function callbacks(what, broker, rate) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-serve-'));
  const service = await serve(broker ?? `sqlite:${path.join(dir, 'tasks.db')}`, dir);
  const arrived = new Map();
  const count = rate * SECONDS;
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const receiver = http.createServer((request, response) => {
    arrived.set(request.headers['task-center-task-id'], Date.now());
    request.resume().on('end', () => response.end());
    if (arrived.size === count) finish();
  });
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const callback = { url: `http://127.0.0.1:${receiver.address().port}/` };
  const began = Date.now() + LEAD_MS;
  const due = new Map();
  for (let i = 0; i < count; i += 500) {
    const tasks = Array.from({ length: Math.min(500, count - i) }, (_, k) => ({
      id: `t-${i + k}`,
      run_at: new Date(began + Math.floor(((i + k) * 1_000) / rate)).toISOString(),
    }));
    const answer = await fetch(`${service.url}/v1/batches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ defaults: { callback }, tasks }),
    });
    const { items } = await answer.json();
    for (const { task } of items) due.set(task.id, Date.parse(task.due_at));
  }
  await all;
  await service.stop();
  await new Promise((resolve) => receiver.close(resolve));
  rmSync(dir, { recursive: true, force: true });
  return row(
    what,
    rate,
    [...arrived].map(([id, at]) => at - due.get(id)),
  );
}

/** How exactly delayed tasks start: handlers in process, and callbacks through the whole service. */
export async function delay() {
  const redis = await startRedis();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-delay-'));
  const rows = [];
  for (const rate of [100, 1_000]) {
    await redis.flush();
    rows.push(await handlers('handler, Redis', redis.url, rate));
    rows.push(await handlers('handler, SQLite', `sqlite:${path.join(dir, `${rate}.db`)}`, rate));
  }
  for (const rate of [10, 100]) {
    await redis.flush();
    rows.push(await callbacks('callback, Redis', redis.url, rate));
    rows.push(await callbacks('callback, SQLite', null, rate));
  }
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
  return { scenario: 'delay', tables: [{ title: 'delay: lateness after the due time', rows }] };
}
