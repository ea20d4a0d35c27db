// A producer of a mixed fleet, as the Go program's `fleetProduce`: `node fleet-producer.mjs <broker URL> <JSON>`. It
// ends when all of its tasks are stored.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect } from '@task-center/engine';

const [url, text] = process.argv.slice(2);
const { log, queues, prefix, from, to, perSecond } = JSON.parse(text);
const file = openSync(log, 'a');
const broker = await connect(url);
const client = new Client(broker);
const backoff = { kind: 'fixed', delayMs: 1_000, jitter: 0 };

/** The task of a number: the same in all producers, but for its ID. */
function taskOf(n) {
  const id = `${prefix}-${n}`;
  const common = { id, queue: queues[n % queues.length], maxRetries: 5, retention: '1h', backoff };
  const place = n % 20;
  const delay = place >= 14 && place <= 17 ? { delay: `${1 + (n % 5)}s` } : {};
  if ([10, 11, 12, 17].includes(place)) return ['once', id, { ...common, ...delay }];
  if (place === 13) return ['bad', id, { ...common, maxRetries: 1 }];
  if (place === 18) return ['unique', String(n), { ...common, delay: '30s', unique: '10m' }];
  if (place === 19) return ['member', id, { ...common, group: 'g' }];
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
    // A killed producer begins where it was.
    if (error.code !== 'task-exists' && error.code !== 'duplicate-task') throw error;
  }
  writeSync(file, `P ${n}\n`);
}
await broker.close();
