// A worker whose handler blocks the event loop for longer than its lease: `node blocked.mjs <broker URL>`.
import { Client, connect, Events, Worker } from '@task-center/engine';

const [url] = process.argv.slice(2);
const broker = await connect(url);
const events = new Events();
const runs = [0, 0, 0];
let lost = 0;
let ended = 0;
let onEnded = () => {};
const allEnded = new Promise((resolve) => (onEnded = resolve));
events.on('lease.lost', () => (lost += 1));
events.on('attempt.finished', () => {
  ended += 1;
  if (ended === runs.length) onEnded();
});
const worker = new Worker(broker, { lease: 2_000, runtime: { events } });
worker.handle('x', ({ payload }) => {
  runs[payload] += 1;
  if (payload !== 0) return;
  const untilMs = performance.now() + 2_200;
  while (performance.now() < untilMs);
});
await new Client(broker).enqueueMany(runs.map((_, payload) => ({ task: 'x', payload })));
await worker.start();
await allEnded;
await worker.stop();
await broker.close();
process.stdout.write(`runs of each task: ${runs.join()}\nlost leases: ${lost}\n`);
