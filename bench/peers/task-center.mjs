import path from 'node:path';
import { Client, connect, silentLog, Worker } from '@task-center/engine';

/** Without the warning, in each process, that the Redis of a benchmark keeps tasks in memory only. */
const log = { ...silentLog, error: (fields, message) => console.error(message, fields) };

async function open(url) {
  const broker = await connect(url, { log });
  const client = new Client(broker);
  return {
    enqueue: (payload) => client.enqueue('bench', payload),
    enqueueBulk: (payloads) => client.enqueueMany(payloads.map((payload) => ({ task: 'bench', payload }))),
    enqueueAndWait: (payload) => client.enqueueAndWait('bench', payload, { wait: '10s' }),
    async work(concurrency, onTask) {
      const worker = new Worker(broker, { concurrency });
      worker.handle('bench', (task) => onTask(task.payload));
      await worker.start();
      return () => worker.stop();
    },
    close: () => broker.close(),
  };
}

const SETUP =
  'every default: leases and fencing, receipts, retries with backoff, counters and history on; retention none.';

export const taskCenterRedis = {
  name: 'Task Center (Redis)',
  module: import.meta.url,
  setup: SETUP,
  store: 'redis',
  canWait: true,
  open: ({ redis }) => open(redis.url),
};

export const taskCenterSqlite = {
  name: 'Task Center (SQLite)',
  module: import.meta.url,
  setup: `${SETUP} WAL with \`synchronous=FULL\`: what is acknowledged was synced to the disk.`,
  store: 'file',
  canWait: true,
  open: ({ folder }) => open(`sqlite:${path.join(folder, 'tasks.db')}`),
};
