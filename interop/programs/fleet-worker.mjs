// A worker of a mixed fleet, the counterpart of `fleetServe` of the Go program:
// `node fleet-worker.mjs <broker URL> <JSON>`. The JSON has the log file, queues, concurrency and whether it aggregates.
// It prints `ready` when it has started.
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
  // Some are long: kills should hit them.
  await sleep(Number(id.slice(id.lastIndexOf('-') + 1)) % 25 === 0 ? 500 : 10);
  const fails = type === 'bad' || (type === 'once' && retried === 0);
  writeSync(file, `E ${id} ${fails ? 'fail' : 'ok'}\n`);
  if (fails) throw new Error('planned failure');
});
await worker.start();
process.stdout.write('ready\n');
