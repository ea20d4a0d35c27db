// Delay: how late delayed tasks start, for handlers in this process and for callbacks of the whole service.
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect, Worker } from '@task-center/engine';
import { countdown, inFolder } from '../measure.mjs';
import { percentile, spread } from '../report.mjs';
import { receive, serve } from '../service.mjs';

/** Duration of a measurement at scale 1. */
const SECONDS = 5;
/** Pause between two probes of the disk. */
const PROBE_MS = 20;
/** Due tasks per second. */
const HANDLER_RATES = [100, 1_000, 10_000];
const CALLBACK_RATES = [10, 100];
/** Time to enqueue all tasks before the first is due: only the forwarder's lateness should be measured. */
const leadMs = (count) => 2_000 + count / 10;

/** Measures fsync of 4 KiB meanwhile. On SQLite no task can be acknowledged faster. */
async function probeDisk(folder) {
  const file = await open(path.join(folder, 'probe'), 'w');
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
    return { 'fsync p99 ms': percentile(spans, 0.99), 'fsync max ms': Math.max(...spans) };
  };
}

/** Due times of `count` tasks at an even rate, after the lead time. */
function dueTimes(count, rate) {
  const began = Date.now() + leadMs(count);
  return Array.from({ length: count }, (_, i) => began + Math.floor((i * 1_000) / rate));
}

/** Runs delayed tasks in this process; resolves to the lateness of each, ms. */
async function handlers(url, rate, count) {
  const broker = await connect(url);
  const client = new Client(broker);
  const latenesses = [];
  const { over, tick } = countdown(count);
  const worker = new Worker(broker, { concurrency: 100 });
  worker.handle('bench', ({ payload }) => {
    latenesses.push(Date.now() - payload);
    tick();
  });
  await worker.start();
  const tasks = dueTimes(count, rate).map((at) => ({ task: 'bench', payload: at, runAt: new Date(at) }));
  for (let i = 0; i < count; i += 1_000) await client.enqueueMany(tasks.slice(i, i + 1_000));
  await over;
  await worker.stop();
  await broker.close();
  return latenesses;
}

/** Runs delayed callbacks through the service; resolves to the lateness of each at the receiver, ms after `due_at`. */
async function callbacks({ broker, folder }, rate, count) {
  const service = await serve(broker, folder);
  const arrived = new Map();
  const { over, tick } = countdown(count);
  const receiver = await receive((id) => {
    arrived.set(id, Date.now());
    tick();
  });
  const tasks = dueTimes(count, rate).map((at, i) => ({ id: `t-${i}`, run_at: new Date(at).toISOString() }));
  const submitted = await service.submit({ callback: { url: receiver.url } }, tasks);
  await over;
  await service.stop();
  await receiver.stop();
  return submitted.map(({ id, due_at }) => arrived.get(id) - Date.parse(due_at));
}

const rowOf = (what, rate, latenesses) => ({
  what,
  'due/s': rate,
  tasks: latenesses.length,
  early: latenesses.filter((ms) => ms < 0).length,
  'p50 ms': spread(latenesses).median,
  'p99 ms': percentile(latenesses, 0.99),
  'max ms': latenesses.reduce((largest, ms) => Math.max(largest, ms), 0),
});

/** Measures how punctually delayed tasks start: handlers in this process, and callbacks of the service. */
export async function delay({ startRedis, scale }) {
  const redis = await startRedis();
  const rows = [];
  const measured = (what, rate, run) =>
    inFolder(async (folder) => {
      await redis.flush();
      const endProbe = await probeDisk(folder);
      const count = Math.max(20, Math.round(rate * SECONDS * scale));
      const row = rowOf(what, rate, await run(folder, count));
      const script = await redis.longestScript();
      rows.push({ ...row, ...(await endProbe()), 'longest script ms': script?.ms ?? null });
    });
  for (const rate of HANDLER_RATES) {
    await measured('handler, Redis', rate, (_, count) => handlers(redis.url, rate, count));
    const file = (folder) => `sqlite:${path.join(folder, 'tasks.db')}`;
    await measured('handler, SQLite', rate, (folder, count) => handlers(file(folder), rate, count));
  }
  for (const rate of CALLBACK_RATES) {
    const through = (broker) => (folder, count) => callbacks({ broker, folder }, rate, count);
    await measured('callback, Redis', rate, through(redis.url));
    await measured('callback, SQLite', rate, through(null));
  }
  await redis.stop();
  return { tables: [{ id: 'delay', title: 'Delay: lateness after the due time', rows }] };
}
