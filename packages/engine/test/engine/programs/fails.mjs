// Runs tasks that fail on a new SQLite file, with the log that the library has by default, and ends itself.
// Arguments: the file; how many tasks; `false` = connect with `log: false`.
import { Client, connect, Events, Worker } from '@task-center/engine';

const [file, count, log] = process.argv.slice(2);
const broker = await connect(`sqlite:${file}`, log === 'false' ? { log: false } : {});
const events = new Events();
const worker = new Worker(broker, { runtime: { events } });
worker.handle('fails', () => {
  throw new TypeError('no such account', { cause: new Error('the ledger is closed') });
});
let left = Number(count);
const done = new Promise((resolve) => {
  events.on('attempt.finished', () => {
    left -= 1;
    if (left === 0) resolve();
  });
});
await new Client(broker).enqueueMany(
  Array.from({ length: left }, (_, i) => ({ task: 'fails', id: `t${i}`, maxRetries: 0 })),
);
await worker.start();
await done;
await worker.stop();
await broker.close();
