// `node exit.mjs <file> <end> <milliseconds>`: enqueues and works off tasks as fast as it can, prints `stored <id>` for each
// acknowledgement, and ends after the time without closing the file. `end`: `exit` = process.exit(3), `throw` = an uncaught
// error, `reject` = a rejection that nobody handles, `open` = process.exit(3) while the file is still being opened,
// `close` = the same while it is being closed, `backup` = while it is copied, `kill` = SIGKILL,
// `warn` = process.exit(3) after two warnings.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect, Worker } from '../../../../dist/index.js';

const [, , path, end, ms] = process.argv;
const STDOUT = 1;
const PARALLEL_CALLS = 8;
/** Large enough that the log reaches its checkpoints. */
const FILLER = 'x'.repeat(2_000);

const endings = {
  exit: () => process.exit(3),
  throw() {
    throw new Error('nobody catches this');
  },
  reject: () => void Promise.reject(new Error('nobody handles this')),
  kill: () => process.kill(process.pid, 'SIGKILL'),
};
const finish = endings[end] ?? endings.exit;

if (end === 'warn') {
  process.emitWarning('this is a warning of the program', 'ExperimentalWarning');
  process.emitWarning('SQLite is spoken of by the program');
}

if (end === 'open') setTimeout(() => finish(), Number(ms));
const broker = await connect(`sqlite:${path}`);
const client = new Client(broker);
const worker = new Worker(broker, { concurrency: 10, queues: ['default'] });
worker.handle('*', () => {});
// A worker whose broker is closed has nothing to do with what `close` tries.
if (end !== 'close') await worker.start();
writeSync(STDOUT, 'open\n');
let count = 0;

async function produce() {
  for (;;) {
    count += 1;
    const id = `${process.pid}-${count}`;
    await client.enqueue('load', FILLER, { id, retention: '1h' });
    writeSync(STDOUT, `stored ${id}\n`);
  }
}

for (let i = 0; i < PARALLEL_CALLS; i += 1) produce().catch(() => {});
if (end === 'backup') void broker.backup.writeTo(`${path}-copy-${process.pid}`).catch(() => {});
await sleep(Number(ms));
if (end === 'close') void broker.close();
setImmediate(() => finish());
