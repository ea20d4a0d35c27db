import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, connect, Worker } from '@task-center/engine';
import { freePort } from '../redis.mjs';
import { percentile, spread } from '../report.mjs';

const LEAD_MS = 2_000;
const SECONDS = 5;
const PROBE_MS = 20;
const CLI = fileURLToPath(new URL('../../packages/cli/bin/task-center.js', import.meta.url));

/** How long the disk takes to keep 4 KiB meanwhile: on SQLite no task can be acknowledged faster. */
async function probeDisk() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-disk-'));
  const file = await open(path.join(dir, 'probe'), 'w');
  const block = Buffer.alloc(4_096, 1);
  const spans = [];
  let probing = true;
  const done = (async () => {
    while (probing) {
      const began = performance.now();
      await file.write(block);
      await file.sync();
      spans.push(performance.now() - began);
      await sleep(PROBE_MS);
    }
  })();
  return async () => {
    probing = false;
    await done;
    await file.close();
    rmSync(dir, { recursive: true, force: true });
    return { 'fsync p99 ms': percentile(spans, 0.99), 'fsync max ms': Math.max(...spans) };
  };
}

async function measured(what, run) {
  const endProbe = await probeDisk();
  const { rate, latenesses } = await run();
  return { ...row(what, rate, latenesses), ...(await endProbe()) };
}

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
async function handlers(url, rate) {
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
  return { rate, latenesses };
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
  while (!(await fetch(`${url}/readyz`).catch(() => null))?.ok) await sleep(100);
  const key = readFileSync(path.join(dir, 'admin.key'), 'utf8').trim();
  return {
    url,
    key,
    stop: () => new Promise((resolve) => (service.once('exit', resolve), service.kill('SIGTERM'))),
  };
}

/** Delayed callbacks through the whole service; lateness at the receiver, measured from the task's `due_at`. */
async function callbacks(broker, rate) {
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
  return { rate, latenesses: [...arrived].map(([id, at]) => at - due.get(id)) };
}

/** How exactly delayed tasks start: handlers in process, and callbacks through the whole service. */
export async function delay({ startRedis }) {
  const redis = await startRedis();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-delay-'));
  const rows = [];
  for (const rate of [100, 1_000]) {
    await redis.flush();
    rows.push(await measured('handler, Redis', () => handlers(redis.url, rate)));
    const file = `sqlite:${path.join(dir, `${rate}.db`)}`;
    rows.push(await measured('handler, SQLite', () => handlers(file, rate)));
  }
  for (const rate of [10, 100]) {
    await redis.flush();
    rows.push(await measured('callback, Redis', () => callbacks(redis.url, rate)));
    rows.push(await measured('callback, SQLite', () => callbacks(null, rate)));
  }
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
  return { tables: [{ id: 'delay', title: 'Delay: lateness after the due time', rows }] };
}
