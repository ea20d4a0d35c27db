// Submits tasks and handles them in the same program, with an SQLite file as the broker.
// Run it with: node examples/handle-tasks.mjs [broker URL]
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, connect, NonRetryableError, Worker } from '@task-center/engine';

const url = process.argv[2] ?? `sqlite:${join(mkdtempSync(join(tmpdir(), 'task-center-')), 'tasks.db')}`;
const broker = await connect(url);
const worker = new Worker(broker, { queues: ['critical', 'default'], concurrency: 5 });

let remaining = 3;
let allDone;
const done = new Promise((resolve) => (allDone = resolve));

worker.handle('email:welcome', async (task) => {
  const { name } = task.payload;
  // A retry would not help here: the task is archived at once.
  if (!name) throw new NonRetryableError('nobody to greet');
  console.log(`attempt ${task.attempt}: welcome, ${name}`);
  // Any other error makes the task run again, about a second later.
  if (name === 'Grace' && task.attempt === 1) throw new Error('the mail server is busy');
  if (--remaining === 0) allDone();
  return { sent: name };
});
await worker.start();

const client = new Client(broker);
await client.enqueue('email:welcome', { name: 'Ada' });
await client.enqueue('email:welcome', { name: 'Grace' }, { queue: 'critical' });
await client.enqueue('email:welcome', { name: 'Edsger' }, { delay: '500ms' });

await done;
await worker.stop();
await broker.close();
