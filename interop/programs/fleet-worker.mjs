// A worker of a mixed fleet, as the Go program's `fleetServe`: `node fleet-worker.mjs <broker URL> <JSON>`, with the
// file to append to, queues, concurrency and whether it aggregates. Says `ready`.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, Worker } from '@task-center/engine';

const [url, text] = process.argv.slice(2);
const { log, queues, concurrency, aggregate } = JSON.parse(text);
const file = openSync(log, 'a');
const aggregation = {
  gracePeriod: '2s',
  maxDelay: '5s',
  maxSize: 20,
  aggregate({ tasks }) {
    const list = tasks.map(({ payload }) => Buffer.from(payload).toString()).join(',');
    return { task: 'batch', payload: Buffer.from(`[${list}]`), retention: '1h', maxRetries: 5 };
  },
};
const priorities = Object.fromEntries(queues.map((queue, i) => [queue, queues.length - i]));
const worker = new Worker(await connect(url), {
  queues: priorities,
  concurrency,
  ...(aggregate && { aggregation }),
});
worker.handle('*', async ({ id, type, retried }) => {
  writeSync(file, `S ${id}\n`);
  // Some are long, so that kills meet them.
  await sleep(Number(id.slice(id.lastIndexOf('-') + 1)) % 25 === 0 ? 500 : 10);
  const fails = type === 'bad' || (type === 'once' && retried === 0);
  writeSync(file, `E ${id} ${fails ? 'fail' : 'ok'}\n`);
  if (fails) throw new Error('as it was told');
});
await worker.start();
process.stdout.write('ready\n');
