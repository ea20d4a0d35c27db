// A producer of a mixed fleet, the counterpart of `fleetProduce` of the Go program:
// `node fleet-producer.mjs <broker URL> <JSON>`. It exits when all of its tasks are stored.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect } from '@task-center/engine';

const [url, text] = process.argv.slice(2);
const { log, queues, prefix, from, to, perSecond } = JSON.parse(text);
const file = openSync(log, 'a');
const broker = await connect(url);
const client = new Client(broker);
const backoff = { kind: 'fixed', delay: 1_000, jitter: 0 };

/** Makes the task of a number. All producers make the same tasks, except for their IDs. */
function taskOf(n) {
  const id = `${prefix}-${n}`;
  const common = { id, queue: queues[n % queues.length], maxRetries: 5, retention: '1h', backoff };
  const kind = n % 20;
  const delay = kind >= 14 && kind <= 17 ? { delay: `${1 + (n % 5)}s` } : {};
  if ([10, 11, 12, 17].includes(kind)) return ['once', id, { ...common, ...delay }];
  if (kind === 13) return ['bad', id, { ...common, maxRetries: 1 }];
  if (kind === 18) return ['unique', String(n), { ...common, delay: '30s', unique: '10m' }];
  if (kind === 19) return ['member', id, { ...common, group: 'g' }];
  return ['ok', id, { ...common, ...delay }];
}

const began = performance.now();
for (let n = from; n < to; n += 1) {
  const waitMs = began + ((n - from) * 1_000) / perSecond - performance.now();
  if (waitMs > 0) await sleep(waitMs);
  const [type, payload, options] = taskOf(n);
  try {
    await client.enqueue(type, payload, options);
  } catch (error) {
    // A restarted producer repeats the last task of its predecessor.
    if (error.code !== 'task-exists' && error.code !== 'duplicate-task') throw error;
  }
  writeSync(file, `P ${n}\n`);
}
await broker.close();
